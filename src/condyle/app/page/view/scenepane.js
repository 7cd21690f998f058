// The place of the 3D picture: it starts when it is first seen, and says so where it cannot.
import { h } from "../dom.js";
import { check } from "./fields.js";
import { icon } from "./icons.js";
import { Scene } from "./scene.js";
import { words } from "./words.js";

const TURNS = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, 10], ArrowDown: [0, -10] };

/** @param {import("./session.js").Session} session @param {object} api @param {(name: string) => void} enlarge */
export function scenePane(session, api, enlarge) {
  const canvas = h("canvas", {
    class: "view-canvas",
    tabindex: "0",
    role: "application",
    "aria-label": words.sceneHint,
  });
  const scene = new Scene(session, canvas, api);
  const note = h("p", { class: "view-note", hidden: "" });
  const parts = Object.fromEntries(
    Object.entries(scene.parts).map(([name, on]) => {
      const field = check(words.scene[name], (shown) => scene.show({ [name]: shown }));
      field.put(on);
      return [name, field];
    }),
  );
  /** Says whether there are meshes. Labels would hide those that show the same. */
  const offer = (there, current) => {
    parts.meshes.element.hidden = !there;
    scene.parts.labels = !current;
    parts.labels.put(!current);
  };
  offer(false, false);
  const large = h(
    "button",
    {
      type: "button",
      class: "view-toggle",
      "aria-label": words.enlarge(words.planes.scene),
      onclick: () => enlarge("scene"),
    },
    icon("enlarge"),
  );
  const element = h(
    "div",
    { class: "view-pane view-scene", dataset: { plane: "scene" } },
    h(
      "div",
      { class: "view-heading" },
      h("span", { class: "view-dot", "aria-hidden": "true" }),
      h("h2", {}, words.planes.scene),
      ...Object.values(parts).map((field) => field.element),
      large,
    ),
    canvas,
    note,
  );
  canvas.addEventListener(
    "keydown",
    (event) => {
      if (!TURNS[event.key] || !scene.view) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      scene.turn(...TURNS[event.key]);
    },
    { capture: true },
  );
  const start = async () => {
    try {
      await scene.start();
    } catch {
      note.textContent = words.scene.failed;
      note.hidden = false;
    }
  };
  return { element, scene, start, offer };
}
