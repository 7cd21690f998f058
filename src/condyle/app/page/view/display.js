// How the scan and the labels are shown.
import { clear, h } from "../dom.js";
import { check, choice, segments, slider } from "./fields.js";
import { ERRORS, PREDICTION, TRUTH } from "./paint.js";
import { PRESETS } from "./window.js";
import { words } from "./words.js";

/**
 * @param {import("./session.js").Session} session @param {string[]} sets  label sets to compare with
 * @param {(name: string) => void} compare
 * @returns {{element: HTMLElement, update: () => void}}
 */
export function display(session, sets, compare) {
  const look = (values) => session.set("look", values);
  const preset = choice(words.preset, Object.entries(words.presets), (name) => {
    if (name !== "own") look({ window: name === "auto" ? [...session.auto] : [...PRESETS[name]] });
  });
  const low = slider(words.black, { min: 0, max: 1, step: 1 }, (value) =>
    look({ window: [value, Math.max(session.look.window[1], value + 1e-3)] }),
  );
  const high = slider(words.white, { min: 0, max: 1, step: 1 }, (value) =>
    look({ window: [Math.min(session.look.window[0], value - 1e-3), value] }),
  );
  const style = choice(words.style, Object.entries(words.styles), (value) => look({ style: value }));
  const opacity = slider(words.opacity, { min: 0, max: 100, step: 5, unit: "%" }, (value) =>
    look({ opacity: value / 100 }),
  );
  const crosshair = check(words.crosshair, (on) => look({ crosshair: on }));
  const other = choice(words.compare, [["", words.nothing], ...sets.map((name) => [name, name])], compare);
  const mode = segments(words.mode, Object.entries(words.modes), (value) => look({ mode: value }));
  const first = choice(words.first, [], (value) => look({ first: value }));
  const legend = h("ul", { class: "view-legend", "aria-label": words.legendTitle });
  const element = h(
    "section",
    { class: "view-panel", "aria-label": words.display },
    h("h2", {}, words.display),
    ...[preset, low, high, style, opacity, crosshair, other, mode, first].map((field) => field.element),
    legend,
  );

  let scan = null;
  const update = () => {
    if (!session.scan) return;
    const { look: now } = session;
    if (scan !== session.scan) {
      scan = session.scan;
      const [least, most] = session.isCt ? [-1500, Math.max(3000, session.range[1])] : session.range;
      const step = most - least > 50 ? 1 : (most - least) / 500;
      [low, high].forEach((field) => field.limits(Math.floor(least), Math.ceil(most), step));
    }
    preset.put(presetOf(session));
    low.put(now.window[0]);
    high.put(now.window[1]);
    style.put(now.style);
    opacity.put(now.opacity * 100);
    crosshair.put(now.crosshair);
    const compared = Boolean(session.other);
    other.put(session.other?.name ?? "");
    mode.put(now.mode);
    [mode, first].forEach((field) => {
      field.element.hidden = !compared;
    });
    first.options([
      ["other", session.other?.name ?? ""],
      ["labels", session.labels?.name ?? ""],
    ]);
    first.put(now.first);
    explain(legend, compared ? now.mode : "plain");
  };
  /** More label sets can be compared with. @param {string[]} names */
  const offer = (names) => {
    other.options([["", words.nothing], ...names.map((name) => [name, name])]);
    other.put(session.other?.name ?? "");
  };
  return { element, update, offer };
}

function presetOf({ look, auto }) {
  const same = ([low, high]) => Math.abs(low - look.window[0]) < 1e-6 && Math.abs(high - look.window[1]) < 1e-6;
  return Object.keys(PRESETS).find((name) => same(PRESETS[name])) ?? (same(auto) ? "auto" : "own");
}

function explain(legend, mode) {
  const entries = {
    plain: [],
    outlines: [
      ["truth", TRUTH],
      ["prediction", PREDICTION],
    ],
    errors: Object.entries(ERRORS),
  }[mode];
  clear(legend);
  legend.append(
    ...entries.map(([name, color]) => {
      const swatch = h("span", { class: "view-swatch", "aria-hidden": "true" });
      swatch.style.background = `rgb(${color})`;
      return h("li", {}, swatch, words.legend[name]);
    }),
  );
  legend.hidden = entries.length === 0;
}
