// Form fields of the panels: each gives its row, and is set from outside without telling back.
import { h } from "../dom.js";

let last = 0;
const id = () => `view-field-${++last}`;

/**
 * @param {string} label @param {{min: number, max: number, step: number, unit?: string}} range
 * @param {(value: number) => void} changed
 * @returns {{element: HTMLElement, put: (value: number) => void, limits: (min: number, max: number, step: number) => void}}
 */
export function slider(label, { min, max, step, unit = "" }, changed) {
  const name = id();
  const told = (value) => {
    number.value = value;
  };
  const bar = h("input", {
    type: "range",
    min,
    max,
    step,
    "aria-label": label,
    oninput: () => {
      told(bar.value);
      changed(Number(bar.value));
    },
  });
  const number = h("input", {
    id: name,
    type: "number",
    min,
    max,
    step,
    class: "view-number",
    onchange: () => {
      bar.value = number.value;
      changed(Number(number.value));
    },
    // Enter gives the keyboard back to the pictures.
    onkeydown: ({ key }) => {
      if (key === "Enter") number.blur();
    },
  });
  const element = h(
    "div",
    { class: "view-slider" },
    h("label", { for: name }, unit ? `${label}, ${unit}` : label),
    number,
    bar,
  );
  const put = (value) => {
    const short = String(Math.round(value * 100) / 100);
    if (document.activeElement !== number) number.value = short;
    bar.value = short;
  };
  const limits = (low, high, by) =>
    [bar, number].forEach((field) => Object.assign(field, { min: low, max: high, step: by }));
  return { element, put, limits };
}

/**
 * @param {string} label @param {[string, string][]} options  value and what is said @param {(value: string) => void} changed
 * @returns {{element: HTMLElement, field: HTMLSelectElement, put: (value: string) => void, options: (list: [string, string][]) => void}}
 */
export function choice(label, options, changed) {
  const name = id();
  const field = h("select", { id: name, class: "view-select", onchange: () => changed(field.value) });
  const fill = (list) => field.replaceChildren(...list.map(([value, said]) => h("option", { value }, said)));
  fill(options);
  const element = h("div", { class: "view-row" }, h("label", { for: name }, label), field);
  return {
    element,
    field,
    put: (value) => {
      field.value = value;
    },
    options: fill,
  };
}

/** @param {string} label @param {(on: boolean) => void} changed */
export function check(label, changed) {
  const box = h("input", { type: "checkbox", onchange: () => changed(box.checked) });
  return {
    element: h("label", { class: "view-check" }, box, label),
    put: (on) => {
      box.checked = on;
    },
  };
}

/** A row of buttons of which one is pressed. @param {string} label @param {[string, string][]} options @param {(value: string) => void} changed */
export function segments(label, options, changed) {
  const buttons = options.map(([value, said]) =>
    h("button", { type: "button", class: "view-segment", dataset: { value }, onclick: () => changed(value) }, said),
  );
  const element = h(
    "div",
    { class: "view-row" },
    h("span", {}, label),
    h("div", { class: "view-segments", role: "group", "aria-label": label }, ...buttons),
  );
  const put = (value) =>
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.value === String(value))));
  return { element, put };
}

/** @param {string} said @param {() => void} act @param {string} [kind] */
export const button = (said, act, kind = "") =>
  h("button", { type: "button", class: `button ${kind}`, onclick: act }, said);
