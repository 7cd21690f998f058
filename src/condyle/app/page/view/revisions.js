// The revisions of a label set: who, when, what changed; any of them can be made the current one again.
import { clear, h } from "../dom.js";
import { words } from "./words.js";

/** @param {(revision: number) => void} restore @returns {{element: HTMLElement, show: (list: object|null) => void}} */
export function revisions(restore) {
  const list = h("ol", { class: "view-revisions" });
  const element = h("details", { class: "view-panel" }, h("summary", {}, h("h2", {}, words.revisions)), list);
  const show = (told) => {
    clear(list);
    element.hidden = !told?.revisions.length;
    list.append(...(told?.revisions ?? []).map((one) => item(one, one.revision === told.current, restore)));
  };
  show(null);
  return { element, show };
}

function item({ revision, who, when, what, changed }, current, restore) {
  const parts = Object.entries(changed?.structures ?? {}).filter(
    ([, { added_ml, removed_ml }]) => added_ml || removed_ml,
  );
  const day = new Date(when).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
  return h(
    "li",
    {},
    h("span", {}, words.revision(revision, who, day)),
    what ? h("span", { class: "view-hint" }, what) : "",
    ...parts.map(([name, { added_ml, removed_ml }]) =>
      h("span", { class: "view-hint" }, `${name} ${words.difference(added_ml, removed_ml)}`),
    ),
    current
      ? h("em", {}, words.current)
      : h("button", { type: "button", class: "button quiet", onclick: () => restore(revision) }, words.restore),
  );
}
