// The column of tools.
import { h } from "../dom.js";
import { icon } from "./icons.js";
import { words } from "./words.js";

/** Groups of tools and each tool's key. */
export const TOOLS = {
  look: { navigate: "n", window: "w", distance: "l", angle: "a" },
  paint: { brush: "b", erase: "e" },
  grow: { fill: "f", flood: "r", threshold: "t", grow: "g" },
  refine: { between: "i", smooth: "s", clean: "c" },
};

/** @param {import("./session.js").Session} session @returns {{element: HTMLElement, update: () => void}} */
export function toolbar(session) {
  const buttons = new Map();
  const groups = Object.entries(TOOLS).map(([group, tools]) =>
    h(
      "div",
      { class: "view-group", role: "group", "aria-label": words.groups[group] },
      ...Object.entries(tools).map(([name, key]) => {
        const [title, hint] = words.tools[name];
        const button = h(
          "button",
          {
            type: "button",
            class: "view-tool",
            title: `${title} (${key.toUpperCase()}). ${hint}`,
            "aria-label": title,
            "aria-keyshortcuts": key,
            onclick: () => session.set("tool", { name }),
          },
          icon(name),
        );
        buttons.set(name, { button, edits: group !== "look" });
        return button;
      }),
    ),
  );
  const element = h(
    "div",
    { class: "view-tools", role: "toolbar", "aria-orientation": "vertical", "aria-label": words.options },
    ...groups,
  );
  const update = () =>
    buttons.forEach(({ button, edits }, name) => {
      button.setAttribute("aria-pressed", String(session.tool.name === name));
      button.disabled = edits && !session.editable && name !== "threshold";
    });
  update();
  return { element, update };
}
