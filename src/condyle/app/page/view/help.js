// The page of keys and gestures, made from the same words as the rest.
import { h } from "../dom.js";
import { TOOLS } from "./toolbar.js";
import { words } from "./words.js";

/** @returns {HTMLDialogElement} closed */
export function help() {
  const letters = Object.values(TOOLS).flatMap((tools) => Object.entries(tools));
  const rows = (entries) =>
    h("dl", {}, ...entries.flatMap(([key, said]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, said)]));
  const dialog = h(
    "dialog",
    { class: "view-help", "aria-label": words.help },
    h("h2", {}, words.help),
    h(
      "div",
      { class: "view-columns" },
      rows(letters.map(([name, key]) => [key.toUpperCase(), words.tools[name][0]])),
      rows(words.keys),
      rows(words.pointer),
    ),
    h("button", { type: "button", class: "button primary", onclick: () => dialog.close() }, words.close),
  );
  return dialog;
}
