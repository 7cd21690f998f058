// Line plots as SVG, with the numbers beside for those who cannot see them.

import { h, s } from "../dom.js";

const WIDTH = 440, HEIGHT = 210, LEFT = 52, RIGHT = 8, TOP = 10, BOTTOM = 26;

function ticks(low, high, count = 4) {
  const raw = (high - low) / count || 1, unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((n) => n * unit).find((n) => n >= raw);
  const out = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-6; value += step) out.push(value);
  return out;
}

const text = (value) => value === 0 ? "0" : Math.abs(value) < 0.01 || Math.abs(value) >= 1e4 ? value.toExponential(0) : String(Number(value.toPrecision(3)));

/**
 * A plot of lines over a common x.
 * @param {string} title
 * @param {number[]} x
 * @param {{name: string, y: (number|null)[]}[]} lines
 * @param {{low?: number, high?: number, xLabel: string}} options
 */
export function linePlot(title, x, lines, { low, high, xLabel }) {
  const known = lines.flatMap((line) => line.y).filter((value) => value !== null);
  const bottom = low ?? Math.min(...known, 0), top = Math.max(high ?? Math.max(...known), bottom + 1e-9);
  const first = x[0] ?? 0, last = Math.max(x[x.length - 1] ?? 1, first + 1);
  const px = (value) => LEFT + (value - first) / (last - first) * (WIDTH - LEFT - RIGHT);
  const py = (value) => HEIGHT - BOTTOM - (value - bottom) / (top - bottom) * (HEIGHT - TOP - BOTTOM);
  const path = (y) => {
    let out = "", pen = "M";
    y.forEach((value, n) => { if (value === null) { pen = "M"; return; } out += `${pen}${px(x[n]).toFixed(1)} ${py(value).toFixed(1)}`; pen = "L"; });
    return out;
  };
  const drawn = lines.filter((line) => line.y.some((value) => value !== null));
  const latest = drawn.map((line) => `${line.name} ${text(line.y.findLast((value) => value !== null))}`).join(", ");
  const svg = s("svg", { class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title}: ${latest}` },
    ticks(bottom, top).map((value) => [
      s("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: py(value), y2: py(value) }),
      s("text", { x: LEFT - 8, y: py(value) + 4, "text-anchor": "end" }, text(value))]),
    ticks(first, last).filter(Number.isInteger).map((value) => s("text", { x: px(value), y: HEIGHT - 6, "text-anchor": "middle" }, String(value))),
    s("text", { x: LEFT - 8, y: HEIGHT - 6, "text-anchor": "end" }, xLabel),
    drawn.map((line, n) => [s("path", { class: `series${n % 6}`, d: path(line.y) }),
      line.y.length === 1 && s("circle", { class: `series${n % 6}`, cx: px(x[0]), cy: py(line.y[0]), r: 3 })]));
  return h("figure", { class: "figure" }, h("h3", {}, title), svg,
    h("ul", { class: "legend" }, drawn.map((line, n) => h("li", {}, h("i", { class: `series${n % 6}` }), `${line.name} ${text(line.y.findLast((value) => value !== null))}`))));
}
