// A dialog that the browser keeps the focus in; resolves to what the pressed button stands for, or null.

import { h } from "../dom.js";
import { words } from "../words.js";

export function ask(title, content, { yes = words.ok, no = words.cancel, value = () => true } = {}) {
  return new Promise((resolve) => {
    const form = h("form", { method: "dialog" },
      h("h2", { id: "dialog-title" }, title), content,
      h("div", { class: "toolbar" },
        no && h("button", { class: "button", type: "button", onclick: () => dialog.close() }, no),
        h("button", { class: "button primary", value: "yes" }, yes)));
    let answer = null;
    form.addEventListener("submit", () => { answer = value(); });
    const dialog = h("dialog", { "aria-labelledby": "dialog-title", onclose: () => { dialog.remove(); resolve(answer); } }, form);
    document.body.append(dialog);
    dialog.showModal();
  });
}
