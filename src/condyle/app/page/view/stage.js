// The four pictures: three planes and 3D, each with its heading, slice slider and enlarge button.
import { h } from "../dom.js";
import { icon } from "./icons.js";
import { PLANE_COLORS } from "./marks.js";
import { Pane } from "./pane.js";
import { listen } from "./pointer.js";
import { words } from "./words.js";

const ORDER = /** @type {const} */ (["axial", "sagittal", "coronal"]);

/**
 * @param {import("./session.js").Session} session @param {import("./hand.js").Hand} hand @param {() => void} redraw
 * @param {HTMLElement} scene  what stands in the fourth place
 */
export function stage(session, hand, redraw, scene) {
  /** @type {Record<string, Pane>} */ const panes = {};
  const headings = {};
  const letGo = [];
  const frames = ORDER.map((name) => {
    const canvas = h("canvas", {
      class: "view-canvas",
      tabindex: "0",
      role: "application",
      "aria-label": words.planes[name],
    });
    const bar = h("input", {
      type: "range",
      min: 0,
      max: 1,
      step: 1,
      "aria-label": words.slice(words.planes[name]),
      oninput: () => {
        panes[name].goTo(Number(bar.value));
        redraw();
      },
    });
    const told = h("output", { class: "view-slice" });
    panes[name] = new Pane(session, name, canvas);
    headings[name] = { bar, told, canvas };
    letGo.push(listen(panes[name], hand, redraw));
    canvas.addEventListener("focus", () => {
      last = name;
    });
    return frame(name, words.planes[name], [bar, told], canvas, PLANE_COLORS[name]);
  });
  let last = "axial";
  let alone = "";
  const element = h("div", { class: "view-stage" }, ...frames, scene);
  const seen = new ResizeObserver(redraw);
  seen.observe(element);

  function frame(name, title, extras, canvas, color) {
    const dot = h("span", { class: "view-dot", "aria-hidden": "true" });
    dot.style.background = color;
    const large = h(
      "button",
      {
        type: "button",
        class: "view-toggle",
        "aria-label": words.enlarge(title),
        title: `${words.enlarge(title)} (M)`,
        onclick: () => enlarge(name),
      },
      icon("enlarge"),
    );
    return h(
      "div",
      { class: "view-pane", dataset: { plane: name } },
      h("div", { class: "view-heading" }, dot, h("h2", {}, title), ...extras, large),
      canvas,
    );
  }

  function enlarge(name) {
    alone = alone === name ? "" : name;
    element.dataset.alone = alone;
    for (const one of element.children) one.hidden = Boolean(alone) && one.dataset.plane !== alone;
    redraw();
  }

  const draw = () => {
    for (const name of ORDER) {
      if (alone && alone !== name) continue;
      panes[name].draw();
      const { bar, told, canvas } = headings[name];
      const { plane, slice } = panes[name];
      bar.max = plane.depth - 1;
      bar.value = slice;
      told.textContent = `${slice + 1} / ${plane.depth}`;
      canvas.setAttribute("aria-label", words.planeHint(words.planes[name], slice + 1, plane.depth));
    }
  };
  const close = () => {
    seen.disconnect();
    letGo.forEach((act) => act());
  };
  return { element, panes, draw, enlarge, close, focused: () => panes[last] };
}
