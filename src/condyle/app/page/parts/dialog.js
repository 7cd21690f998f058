// A dialog that the browser keeps the focus in; resolves to what the pressed button stands for, or null. Where something
// is done with it that can be refused, the dialog stays, with what was filled in, and says why.

import { clear, h } from "../dom.js";
import { words } from "../words.js";
import { problem } from "./problem.js";

/** @param {{yes?: string, no?: string, value?: () => any, act?: (value: any) => Promise<any>}} [options] */
export function ask(title, content, { yes = words.ok, no = words.cancel, value = () => true, act } = {}) {
  return new Promise((resolve) => {
    const refused = h("div", {}), go = h("button", { class: "button primary", value: "yes" }, yes);
    const form = h("form", { method: "dialog" },
      h("h2", { id: "dialog-title" }, title), content, refused,
      h("div", { class: "toolbar" }, no && h("button", { class: "button", type: "button", onclick: () => dialog.close() }, no), go));
    let answer = null, acting = Promise.resolve();
    const attempt = async () => {
      clear(refused);
      go.disabled = true;
      try { answer = await act(value()); dialog.close(); } catch (error) { clear(refused, problem(error)); refused.scrollIntoView(); }
      go.disabled = false;
    };
    form.addEventListener("submit", (event) => {
      if (!act) { answer = value(); return; }
      event.preventDefault();
      if (!go.disabled) acting = attempt();
    });
    // Closed while something is being done: that cannot be taken back, so what became of it is waited for.
    const closed = () => { dialog.remove(); acting.then(() => resolve(answer)); };
    const dialog = h("dialog", { "aria-labelledby": "dialog-title", onclose: closed }, form);
    document.body.append(dialog);
    dialog.showModal();
  });
}
