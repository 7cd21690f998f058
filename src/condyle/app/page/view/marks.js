// What is drawn over a slice: crosshair, letters of the body's directions, scale bar, measures, the brush's rim.
import { toPlane } from "./planes.js";
import { angle, distance } from "./measure.js";

/** Colours of the planes, the same in headings, crosshair and help; the field's usual red, yellow, green. */
export const PLANE_COLORS = { axial: "#ff6b60", sagittal: "#f3d24b", coronal: "#6fd66f" };

/** The planes seen edge-on in each picture: the one whose line stands, and the one whose line lies. */
const EDGES = { axial: ["sagittal", "coronal"], coronal: ["sagittal", "axial"], sagittal: ["coronal", "axial"] };

const MEASURE = "#ffd45e";

const ratioOf = (canvas) => canvas.width / Math.max(1, canvas.clientWidth);

/** @param {CanvasRenderingContext2D} context @param {import("./pane.js").Pane} pane */
export function crosshair(context, pane) {
  const { canvas, plane, session, name } = pane;
  const ratio = ratioOf(canvas);
  const [x, y] = toPlane(plane, session.cursor);
  const [left, top] = pane.toScreen(x, y);
  const gap = 9 * ratio;
  context.lineWidth = ratio;
  context.globalAlpha = 0.75;
  context.strokeStyle = PLANE_COLORS[EDGES[name][0]];
  stroke(context, [left, 0, left, top - gap], [left, top + gap, left, canvas.height]);
  context.strokeStyle = PLANE_COLORS[EDGES[name][1]];
  stroke(context, [0, top, left - gap, top], [left + gap, top, canvas.width, top]);
  context.globalAlpha = 1;
}

/** @param {CanvasRenderingContext2D} context @param {string[]} names  left, right, top, bottom */
export function letters(context, names) {
  const { canvas } = context;
  const ratio = ratioOf(canvas);
  const [w, h, edge] = [canvas.width, canvas.height, 12 * ratio];
  const places = [
    [edge, h / 2],
    [w - edge, h / 2],
    [w / 2, edge + 2 * ratio],
    [w / 2, h - edge],
  ];
  context.font = `600 ${14 * ratio}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  ["left", "right", "center", "center"].forEach((align, n) => {
    context.textAlign = align;
    text(context, names[n], places[n][0] + (n === 0 ? -4 : n === 1 ? 4 : 0) * ratio, places[n][1], "#fff");
  });
}

/** @param {CanvasRenderingContext2D} context @param {number} scale  canvas pixels a mm */
export function scaleBar(context, scale) {
  const { canvas } = context;
  const ratio = ratioOf(canvas);
  const mm = [200, 100, 50, 20, 10, 5, 2, 1].find((length) => length * scale < canvas.width / 3) ?? 1;
  const [x, y] = [14 * ratio, canvas.height - 14 * ratio];
  context.strokeStyle = "rgba(255,255,255,.85)";
  context.lineWidth = 1.5 * ratio;
  stroke(
    context,
    [x, y, x + mm * scale, y],
    [x, y - 4 * ratio, x, y + 4 * ratio],
    [x + mm * scale, y - 4 * ratio, x + mm * scale, y + 4 * ratio],
  );
  context.font = `${11 * ratio}px system-ui, sans-serif`;
  context.textAlign = "left";
  text(context, mm >= 10 ? `${mm / 10} cm` : `${mm} mm`, x, y - 12 * ratio, "#fff");
}

/** @param {CanvasRenderingContext2D} context @param {import("./pane.js").Pane} pane @param {number[]} at  x, y of the plane */
export function ring(context, pane, at) {
  const ratio = ratioOf(pane.canvas);
  const { tool, active } = pane.session;
  const [x, y] = pane.toScreen(...at);
  const color = tool.name === "erase" ? [255, 255, 255] : pane.session.structure(active).color;
  for (const [width, style] of [
    [3 * ratio, "rgba(0,0,0,.55)"],
    [1.4 * ratio, `rgb(${color})`],
  ]) {
    context.lineWidth = width;
    context.strokeStyle = style;
    context.beginPath();
    context.arc(x, y, tool.radius * pane.scale, 0, 2 * Math.PI);
    context.stroke();
  }
}

/** @param {CanvasRenderingContext2D} context @param {import("./pane.js").Pane} pane @param {(world: number[]) => number[]} toPlace */
export function measures(context, pane, toPlace) {
  const ratio = ratioOf(pane.canvas);
  for (const { kind, points } of pane.session.measures) {
    const places = points.map(toPlace);
    if (!places.some((place) => Math.abs(place[2] - pane.slice) < 0.75)) continue;
    const ends = places.map(([x, y]) => pane.toScreen(x, y));
    context.strokeStyle = MEASURE;
    context.lineWidth = 1.5 * ratio;
    for (let n = 1; n < ends.length; n++) stroke(context, [...ends[n - 1], ...ends[n]]);
    for (const [x, y] of ends)
      stroke(context, [x - 5 * ratio, y, x + 5 * ratio, y], [x, y - 5 * ratio, x, y + 5 * ratio]);
    const said = sentence(kind, points);
    context.font = `600 ${12.5 * ratio}px system-ui, sans-serif`;
    context.textAlign = "left";
    const at = ends[kind === "angle" ? 1 : ends.length - 1];
    if (said) text(context, said, at[0] + 9 * ratio, at[1] - 9 * ratio, MEASURE);
  }
}

/** @param {"distance"|"angle"} kind @param {number[][]} points @returns {string} empty until all points are there */
export function sentence(kind, points) {
  if (kind === "distance") return points.length === 2 ? `${distance(points[0], points[1]).toFixed(1)} mm` : "";
  return points.length === 3 ? `${angle(points[0], points[1], points[2]).toFixed(1)}°` : "";
}

function stroke(context, ...lines) {
  context.beginPath();
  for (const [x0, y0, x1, y1] of lines) {
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
  }
  context.stroke();
}

/** Text with a dark rim, to be read on any grey. */
function text(context, said, x, y, color) {
  context.lineJoin = "round";
  context.lineWidth = 3 * ratioOf(context.canvas);
  context.strokeStyle = "rgba(0,0,0,.7)";
  context.strokeText(said, x, y);
  context.fillStyle = color;
  context.fillText(said, x, y);
}
