// Dialogs that ask for a name: of who saves, of a new label set.
import { h } from "../dom.js";
import { author } from "./saving.js";
import { words } from "./words.js";

/** Asks for the name (once) and for what was done. @returns {Promise<{who: string, what: string}|null>} null where one turns back */
export function askWho(root) {
  const who = h("input", { class: "view-text", type: "text", value: author(), required: "", autocomplete: "name" });
  const what = h("input", { class: "view-text", type: "text" });
  return asked(
    root,
    words.save,
    [
      [words.who, who],
      [words.what, what],
    ],
    () => {
      author(who.value.trim());
      return { who: who.value.trim(), what: what.value.trim() };
    },
    words.needName,
  );
}

/** @returns {Promise<string|null>} */
export function askName(root) {
  const name = h("input", { class: "view-text", type: "text", required: "", pattern: "[A-Za-z0-9][A-Za-z0-9_.\\-]*" });
  return asked(root, words.newSet, [[words.newName, name]], () => name.value.trim());
}

function asked(root, title, fields, answer, hint = "") {
  return new Promise((resolve) => {
    const close = () => dialog.close();
    const form = h(
      "form",
      {},
      h("h2", {}, title),
      hint ? h("p", { class: "view-hint" }, hint) : "",
      ...fields.map(([label, field]) => h("label", { class: "view-asked" }, label, field)),
      h(
        "div",
        { class: "view-buttons" },
        h("button", { type: "submit", class: "button primary" }, words.save),
        h("button", { type: "button", class: "button quiet", onclick: close }, words.cancel),
      ),
    );
    const dialog = h("dialog", { class: "view-help view-ask", "aria-label": title }, form);
    let given = null;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      given = answer();
      close();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(given);
    });
    root.append(dialog);
    dialog.showModal();
  });
}
