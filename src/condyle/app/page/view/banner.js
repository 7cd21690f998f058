// One message above the pictures, with what can be done about it.
import { clear, h } from "../dom.js";
import { words } from "./words.js";

/** @returns {{element: HTMLElement, show: (text: string, acts?: [string, () => void][]) => void, hide: () => void}} */
export function banner() {
  const element = h("div", { class: "view-banner", role: "alert", hidden: "" });
  const hide = () => {
    element.hidden = true;
  };
  const show = (text, acts = [[words.close, () => {}]]) => {
    clear(element);
    element.append(
      h("p", {}, text),
      ...acts.map(([said, act]) =>
        h(
          "button",
          {
            type: "button",
            class: "button",
            onclick: () => {
              hide();
              act();
            },
          },
          said,
        ),
      ),
    );
    element.hidden = false;
  };
  return { element, show, hide };
}
