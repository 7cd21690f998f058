// Short messages in the corner; screen readers hear them.

import { h } from "../dom.js";

const SHOWN_MS = 7000;

export function say(text) {
  const toast = h("div", { class: "toast" }, text);
  document.getElementById("toasts").append(toast);
  setTimeout(() => toast.remove(), SHOWN_MS);
}

export function complain(error) {
  if (error?.name === "AbortError") return;
  say(error?.message ?? String(error));
}
