// The list of structures: which one is painted, which are seen, which are locked.
import { clear, h } from "../dom.js";
import { icon } from "./icons.js";
import { words } from "./words.js";

/** @param {import("./session.js").Session} session @returns {{element: HTMLElement, update: () => void}} */
export function structures(session) {
  const list = h("ul", { class: "view-structures" });
  const element = h(
    "section",
    { class: "view-panel", "aria-label": words.structures },
    h("h2", {}, words.structures),
    list,
  );
  const update = () => {
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    clear(list);
    list.append(...session.structures.map((one) => item(session, one)));
    if (session.structures.length === 0) list.append(h("li", { class: "view-hint" }, words.noStructures));
    if (focused) list.querySelector(`[data-key="${focused}"]`)?.focus();
  };
  update();
  return { element, update };
}

function item(session, { id, name, color }) {
  const [hidden, locked] = [session.hidden.has(id), session.locked.has(id)];
  const swatch = h("span", { class: "view-swatch", "aria-hidden": "true" });
  swatch.style.background = `rgb(${color})`;
  const choose = h(
    "button",
    {
      type: "button",
      class: "view-structure",
      "aria-pressed": String(session.active === id),
      title: `${name} (${id})`,
      dataset: { key: `choose${id}` },
      onclick: () => {
        session.active = id;
        session.tell("look");
      },
    },
    swatch,
    h("span", { class: "view-name" }, name),
  );
  return h(
    "li",
    {},
    choose,
    toggle(hidden ? "hidden" : "eye", words.structure.show(name), !hidden, `show${id}`, () =>
      flip(session, session.hidden, id),
    ),
    toggle(
      locked ? "lock" : "unlock",
      words.structure.lock(name),
      locked,
      `lock${id}`,
      () => flip(session, session.locked, id),
      words.lockHint,
    ),
  );
}

function toggle(shape, name, on, key, act, hint = "") {
  return h(
    "button",
    {
      type: "button",
      class: "view-toggle",
      "aria-label": name,
      "aria-pressed": String(on),
      title: `${name}. ${hint}`,
      dataset: { key },
      onclick: act,
    },
    icon(shape),
  );
}

function flip(session, set, id) {
  if (!set.delete(id)) set.add(id);
  session.tell("look");
}
