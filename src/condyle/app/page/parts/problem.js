// What went wrong, and what to do.

import { h } from "../dom.js";
import { words } from "../words.js";

export function problem(error, again) {
  return h("div", { class: "error", role: "alert" },
    h("strong", {}, words.errors.title), h("p", {}, error.message),
    again && h("p", {}, h("button", { class: "button small", type: "button", onclick: again }, words.again)));
}

/** An empty place that says what to do next. */
export function empty(title, text, ...actions) {
  return h("div", { class: "empty" }, h("h2", {}, title), h("p", {}, text), actions);
}
