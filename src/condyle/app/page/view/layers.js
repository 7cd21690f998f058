// The pictures that one plane is made of: grey, colours over it, outlines. Each is kept until what it shows changes.
import { outlines } from "./contour.js";
import { ISO, paint, paintErrors, PREDICTION, TRUTH, word } from "./paint.js";
import { greyOf } from "./window.js";

/** @typedef {import("./session.js").Session} Session @typedef {import("./planes.js").Plane} Plane */

/** A picture of one pixel a voxel that is painted anew only when its key changes. */
class Picture {
  canvas = document.createElement("canvas");

  #key = "";

  /** @param {Plane} plane @param {string} key @param {(pixels: Uint32Array) => void} fill */
  update({ width, height }, key, fill) {
    if (key === this.#key) return;
    this.#key = key;
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext("2d");
    const image = context.createImageData(width, height);
    fill(new Uint32Array(image.data.buffer));
    context.putImageData(image, 0, 0);
  }
}

/** The greys of one window, shared by the planes. */
let greys = { scan: null, window: [], color: null };
function greysOf(scan, window) {
  if (greys.scan !== scan || greys.window[0] !== window[0] || greys.window[1] !== window[1]) {
    greys = { scan, window: [...window], color: greyOf(scan, window) };
  }
  return greys.color;
}

export class Layers {
  grey = new Picture();

  over = new Picture();

  iso = new Picture();

  /** @type {{color: number[], lines: number[], dashed?: boolean}[]} */ lines = [];

  #lineKey = "";

  /** @param {Session} session @param {Plane} plane @param {number} slice */
  update(session, plane, slice) {
    const { scan, look, version } = session;
    const size = `${slice} ${scan.shape} ${scan.data.length}`;
    this.grey.update(plane, `${size} ${look.window} ${session.editable}`, (pixels) =>
      paint(scan.data, plane, slice, pixels, greysOf(scan, look.window)),
    );
    const shown = `${size} ${version} ${look.style} ${look.opacity} ${look.mode} ${look.first} ${look.labels} ${[...session.hidden]}`;
    this.over.update(plane, shown, (pixels) => this.#fill(session, plane, slice, pixels));
    if (shown !== this.#lineKey) this.lines = linesOf(session, plane, slice);
    this.#lineKey = shown;
    if (isoShown(session)) this.#threshold(session, plane, slice, size);
  }

  #fill(session, plane, slice, pixels) {
    const { look, labels, other } = session;
    if (!look.labels) return;
    if (look.mode === "errors" && other) {
      const [truth, predicted] = look.first === "other" ? [other, labels] : [labels, other];
      paintErrors(truth.data, predicted.data, plane, slice, pixels, Math.max(0.5, look.opacity));
    } else if (look.mode === "plain" && look.style !== "outlines") {
      const table = tableOf(session, look.style === "both" ? look.opacity * 0.8 : look.opacity);
      paint(labels.data, plane, slice, pixels, (label) => table[label]);
    }
  }

  #threshold({ scan, tool }, plane, slice, size) {
    const [low, high] = tool.range.map((value) => (value - scan.intercept) / scan.slope);
    const color = word(ISO, 0.5);
    this.iso.update(plane, `${size} ${low} ${high}`, (pixels) =>
      paint(scan.data, plane, slice, pixels, (n) => (n >= low && n <= high ? color : 0)),
    );
  }
}

/** True where the range of values is to be seen over the scan. @param {Session} session */
export const isoShown = ({ tool }) =>
  ["threshold", "flood"].includes(tool.name) || (tool.only && ["brush", "erase"].includes(tool.name));

/** Colour words of the labels. @param {Session} session @param {number} opacity */
function tableOf(session, opacity) {
  const table = new Uint32Array(65536).fill(word(session.structure(-1).color, opacity));
  for (const { id, color } of session.structures) table[id] = word(color, opacity);
  for (const id of [0, ...session.hidden]) table[id] = 0;
  return table;
}

/** Outlines in the colours of the labels; two label sets in green (truth) and red (prediction). */
function linesOf(session, plane, slice) {
  const { look, labels, other, hidden } = session;
  if (!look.labels || (look.mode === "plain" && look.style === "fill") || look.mode === "errors") return [];
  const of = (map, color, dashed) =>
    [...outlines(map.data, plane, slice)]
      .filter(([label]) => !hidden.has(label))
      .map(([label, lines]) => ({ color: color ?? session.structure(label).color, lines, dashed }));
  if (look.mode !== "outlines" || !other) return of(labels);
  const [truth, predicted] = look.first === "other" ? [other, labels] : [labels, other];
  return [...of(truth, TRUTH), ...of(predicted, PREDICTION)];
}
