// The line below the pictures: place, value and structure under the crosshair, and what was done last.
import { h } from "../dom.js";
import { words } from "./words.js";

/** @param {import("./session.js").Session} session @returns {{element: HTMLElement, update: () => void, note: (text: string) => void}} */
export function readout(session) {
  const [world, voxel, value, label] = ["mm", "voxel", "value", "label"].map((name) =>
    h("span", { dataset: { part: name } }),
  );
  const swatch = h("span", { class: "view-swatch", "aria-hidden": "true" });
  const last = h("span", { class: "view-told", role: "status" });
  const element = h(
    "div",
    { class: "view-readout" },
    world,
    voxel,
    value,
    h("span", { class: "view-under" }, swatch, label),
    last,
  );
  const note = (text) => {
    last.textContent = text;
  };
  const name = (id) => (id ? session.structure(id).name : words.readout.none);
  const update = () => {
    if (!session.scan) return;
    const under = session.at(session.cursor);
    world.textContent = words.readout.world(under.world);
    voxel.textContent = `[${session.cursor.join(", ")}]`;
    value.textContent = words.readout.value(under.value, session.isCt);
    label.textContent = session.other
      ? `${session.labels.name}: ${name(under.label)} · ${session.other.name}: ${name(under.other)}`
      : name(under.label);
    swatch.style.background = under.label ? `rgb(${session.structure(under.label).color})` : "transparent";
  };
  return { element, update, note };
}
