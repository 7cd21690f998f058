// Settings of the tool in hand.
import { h } from "../dom.js";
import { button, check, choice, segments, slider } from "./fields.js";
import { words } from "./words.js";

/** Which settings each tool shows. */
const SHOWN = {
  brush: ["radius", "flat", "only", "range"],
  erase: ["radius", "flat"],
  fill: ["flat"],
  flood: ["flat", "range"],
  threshold: ["range", "apply", "fill"],
  grow: ["margin", "grow"],
  between: ["plane", "between"],
  smooth: ["sigma", "smooth"],
  clean: ["least", "clean"],
  distance: ["measures"],
  angle: ["measures"],
};

/**
 * @param {import("./session.js").Session} session @param {import("./hand.js").Hand} hand
 * @param {(threshold: number) => void} fill  starts the job that makes a whole mask
 * @returns {{element: HTMLElement, update: () => void}}
 */
export function options(session, hand, fill) {
  const set = (values) => session.set("tool", values);
  const through = () => session.planes[session.tool.plane].axes[2];
  const range = rangeFields(session);
  const fields = {
    radius: slider(words.radius, { min: 0.5, max: 40, step: 0.5, unit: "mm" }, (radius) => set({ radius })),
    flat: segments(words.flat, Object.entries(words.reach), (value) => set({ flat: value === "true" })),
    only: check(words.only, (only) => set({ only })),
    range,
    margin: slider(words.margin, { min: 2, max: 60, step: 1, unit: "mm" }, (margin) => set({ margin })),
    sigma: slider(words.sigma, { min: 0.3, max: 5, step: 0.1, unit: "mm" }, (sigma) => set({ sigma })),
    least: slider(words.least, { min: 0.01, max: 20, step: 0.01, unit: "ml" }, (least_ml) => set({ least_ml })),
    plane: choice(
      words.flat,
      Object.entries(words.planes)
        .filter(([name]) => name !== "scene")
        .map(([name, said]) => [name, words.across(said)]),
      (plane) => set({ plane }),
    ),
    apply: row(button(words.apply, () => hand.run("within", { range: session.tool.range }), "primary")),
    fill: row(button(words.fillJob, () => fill(session.tool.range[0]))),
    grow: row(button(words.grow, () => hand.run("growCut", { margin_mm: session.tool.margin }), "primary")),
    between: row(button(words.fillBetween, () => hand.run("between", { through: through() }), "primary")),
    smooth: row(button(words.smoothNow, () => hand.run("smooth", { sigma_mm: session.tool.sigma }), "primary")),
    clean: row(
      button(words.dropSmall, () => hand.run("islands", { least_ml: session.tool.least_ml })),
      button(words.keepLargest, () => hand.run("islands", { least_ml: null })),
      button(words.holes2, () => hand.run("holes", { through: through() })),
      button(words.holes3, () => hand.run("holes", { through: null })),
    ),
    measures: row(
      button(words.clearMeasures, () => {
        session.measures.length = 0;
        session.tell("measures");
      }),
    ),
  };
  const [title, hint] = [h("h2", {}), h("p", { class: "view-hint" })];
  const working = h(
    "p",
    { class: "view-working", role: "status", hidden: "" },
    h("span", {}),
    button(words.stop, () => hand.stop()),
  );
  const element = h(
    "section",
    { class: "view-panel", "aria-label": words.options },
    title,
    hint,
    ...Object.values(fields).map((field) => field.element),
    working,
  );

  const update = () => {
    const { tool } = session;
    const shown = SHOWN[tool.name] ?? [];
    [title.textContent, hint.textContent] = words.tools[tool.name];
    Object.entries(fields).forEach(([name, field]) => {
      field.element.hidden = !shown.includes(name) || (name === "range" && tool.name === "brush" && !tool.only);
    });
    fields.radius.put(tool.radius);
    fields.flat.put(tool.flat);
    fields.only.put(tool.only);
    fields.margin.put(tool.margin);
    fields.sigma.put(tool.sigma);
    fields.least.put(tool.least_ml);
    fields.plane.put(tool.plane);
    range.put();
    working.hidden = !hand.busy;
    working.firstChild.textContent = hand.busy ? words.working(words.done[hand.busy]) : "";
    for (const name of ["apply", "grow", "between", "smooth", "clean"]) {
      for (const one of fields[name].element.children) one.disabled = Boolean(hand.busy) || !session.editable;
    }
  };
  return { element, update };
}

/** Low and high end of the range of values; one cannot pass the other. */
function rangeFields(session) {
  const span = { min: 0, max: 1, step: 1 };
  const low = slider(words.low, span, (value) => put([value, Math.max(value, session.tool.range[1])]));
  const high = slider(words.high, span, (value) => put([Math.min(value, session.tool.range[0]), value]));
  const put = (range) => session.set("tool", { range });
  let scan = null;
  return {
    element: h("fieldset", { class: "view-range" }, h("legend", {}, words.range), low.element, high.element),
    put: () => {
      if (session.scan && session.scan !== scan) {
        scan = session.scan;
        const [least, most] = session.range;
        const step = most - least > 50 ? 1 : (most - least) / 500;
        [low, high].forEach((field) => field.limits(Math.floor(least), Math.ceil(most), step));
      }
      low.put(session.tool.range[0]);
      high.put(session.tool.range[1]);
    },
  };
}

const row = (...children) => ({ element: h("div", { class: "view-buttons" }, ...children) });
