// The viewer as a page of the app: looks at one case, corrects one of its label sets.
import { h } from "../dom.js";
import { complain } from "../parts/toast.js";
import { opened } from "./opened.js";
import { words } from "./words.js";

/**
 * @param {HTMLElement} root @param {object} api
 * @param {{dataset: string, case: string, set?: string, other?: string}} params
 * @returns {{unmount: () => void, mayLeave: () => boolean}} `root.opened` gives the parts of the page, for tests and the
 *     console; their `ready` is fulfilled once everything is loaded
 */
export function mount(root, api, params) {
  if (!params.dataset || !params.case) {
    root.append(h("div", { class: "empty" }, h("h1", {}, words.noCase), h("p", {}, words.noCaseHint)));
    return { unmount() {}, mayLeave: () => true };
  }
  const waiting = h("p", { class: "view-loading", role: "status" }, words.loading);
  root.append(waiting);
  let [page, left] = [null, false];
  root.opened = opened(root, api, params, complain);
  root.opened.then(
    (made) => {
      waiting.remove();
      page = made;
      if (left) page.close();
    },
    (error) => {
      waiting.remove();
      root.append(h("div", { class: "error", role: "alert" }, error.message));
    },
  );
  return {
    unmount: () => {
      left = true;
      page?.close();
    },
    mayLeave: () => page?.saving.state !== "unsaved",
  };
}
