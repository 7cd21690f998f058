// The line above the pictures: which case and label set, undo and redo, saving, the verdict.
import { clear, h } from "../dom.js";
import { icon } from "./icons.js";
import { words } from "./words.js";

const clock = (date) => date?.toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/**
 * @param {import("./session.js").Session} session @param {import("./saving.js").Saving} saving
 * @param {{id: string, verdict: string, before?: string, after?: string}} case_
 * @param {string[]} sets
 * @param {{choose: (set: string) => void, save: () => void, judge: (verdict: string) => void, go: (key: string) => void, help: () => void}} acts
 */
export function caseBar(session, saving, case_, sets, acts) {
  const tool = (shape, act) => h("button", { type: "button", class: "view-toggle", onclick: act }, icon(shape));
  const [undo, redo] = [tool("undo", () => session.undo()), tool("redo", () => session.redo())];
  const status = h("span", { class: "view-status", role: "status" });
  const save = h(
    "button",
    { type: "button", class: "button primary", onclick: acts.save, title: `${words.save} (Ctrl S)` },
    words.save,
  );
  const set = h("select", {
    class: "view-select",
    "aria-label": words.labelSet,
    onchange: () => acts.choose(set.value),
  });
  const fill = (names) => {
    clear(set);
    set.append(...[...names, ""].map((name) => h("option", { value: name }, name || words.newSet)));
    set.value = saving.set;
  };
  fill(sets);
  const go = (shape, said, key) =>
    h(
      "button",
      {
        type: "button",
        class: "view-toggle",
        "aria-label": said,
        title: said,
        disabled: key ? null : "",
        onclick: () => acts.go(key),
      },
      icon(shape),
    );
  const verdict = h("span", { class: "view-verdict" });
  const judge = (name) =>
    h(
      "button",
      { type: "button", class: "button quiet", onclick: () => acts.judge(name === "accept" ? "accepted" : "rejected") },
      words[name],
    );
  const help = h(
    "button",
    { type: "button", class: "view-toggle", "aria-label": words.help, title: `${words.help} (?)`, onclick: acts.help },
    icon("help"),
  );
  const element = h(
    "div",
    { class: "view-bar" },
    go("before", words.before, case_.before),
    h("h1", { class: "view-title" }, case_.id),
    go("after", words.after, case_.after),
    verdict,
    h("span", { class: "view-space" }),
    set,
    undo,
    redo,
    status,
    save,
    judge("accept"),
    judge("reject"),
    help,
  );

  const update = () => {
    const { history } = session;
    for (const [button, name, said] of [
      [undo, history.undoes, words.undo],
      [redo, history.redoes, words.redo],
    ]) {
      button.disabled = name === null;
      button.title = said(name);
      button.setAttribute("aria-label", said(name));
    }
    const at = clock(saving.when);
    status.textContent = {
      unsaved: words.unsaved,
      drafted: words.drafted(at),
      saving: words.saving,
      clean: at ? words.saved(saving.base, at) : words.clean(saving.base),
    }[saving.state];
    status.dataset.state = saving.state;
    save.disabled = !session.editable || ["clean", "saving"].includes(saving.state);
    if (set.value !== saving.set) fill([...new Set([...sets, saving.set])].filter(Boolean));
  };
  /** More label sets can be chosen. @param {string[]} names */
  const offer = (names) => {
    sets = names;
    fill([...new Set([...sets, saving.set])].filter(Boolean));
  };
  const judged = (name) => {
    verdict.textContent = words.verdicts[name] ?? name;
    verdict.dataset.verdict = name;
  };
  judged(case_.verdict);
  update();
  return { element, update, judged, offer };
}
