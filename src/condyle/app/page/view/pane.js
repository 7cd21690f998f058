// One plane on its canvas: where each voxel lies on the screen, and the drawing of all layers.
import { crosshair, letters, measures, ring, scaleBar } from "./marks.js";
import { isoShown, Layers } from "./layers.js";
import { fromWorld, toPlane, toVoxel } from "./planes.js";

/** @typedef {import("./session.js").Session} Session */

/** Tools that show their rim. */
export const BRUSHES = ["brush", "erase"];

export class Pane {
  layers = new Layers();

  /** Enlargement over the fit to the canvas, and the shift of the centre in mm. */
  zoom = 1;

  shift = [0, 0];

  /** @type {number[]|null} where the brush hovers, as x, y of the plane */ hover = null;

  /** @param {Session} session @param {"axial"|"coronal"|"sagittal"} name @param {HTMLCanvasElement} canvas */
  constructor(session, name, canvas) {
    [this.session, this.name, this.canvas] = [session, name, canvas];
  }

  get plane() {
    return this.session.planes[this.name];
  }

  get slice() {
    return toPlane(this.plane, this.session.cursor)[2];
  }

  /** @param {number} slice  kept inside */
  goTo(slice) {
    const place = toPlane(this.plane, this.session.cursor);
    place[2] = slice;
    this.session.moveTo(toVoxel(this.plane, place));
  }

  /** Canvas pixels a mm. */
  get scale() {
    const { width, height, mm } = this.plane;
    return this.zoom * 0.96 * Math.min(this.canvas.width / (width * mm[0]), this.canvas.height / (height * mm[1]));
  }

  /** @param {number} x @param {number} y  of the plane; a voxel's centre is a whole number @returns {number[]} canvas pixels */
  toScreen(x, y) {
    const { width, height, mm } = this.plane;
    return [
      this.canvas.width / 2 + ((x + 0.5 - width / 2) * mm[0] + this.shift[0]) * this.scale,
      this.canvas.height / 2 + ((y + 0.5 - height / 2) * mm[1] + this.shift[1]) * this.scale,
    ];
  }

  /** @param {number} left @param {number} top  CSS pixels in the canvas @returns {number[]} x, y of the plane, with fractions */
  fromScreen(left, top) {
    const { width, height, mm } = this.plane;
    const ratio = this.canvas.width / Math.max(1, this.canvas.clientWidth);
    return [
      ((left * ratio - this.canvas.width / 2) / this.scale - this.shift[0]) / mm[0] + width / 2 - 0.5,
      ((top * ratio - this.canvas.height / 2) / this.scale - this.shift[1]) / mm[1] + height / 2 - 0.5,
    ];
  }

  /** @param {number} left @param {number} top @returns {number[]} voxel under the pointer, with fractions */
  voxelAt(left, top) {
    return toVoxel(this.plane, [...this.fromScreen(left, top), this.slice]);
  }

  /** Enlarges around a point of the canvas. @param {number} factor @param {number} left @param {number} top CSS pixels */
  zoomBy(factor, left = this.canvas.clientWidth / 2, top = this.canvas.clientHeight / 2) {
    const [x, y] = this.fromScreen(left, top);
    this.zoom = Math.max(0.5, Math.min(40, this.zoom * factor));
    const [nx, ny] = this.fromScreen(left, top);
    this.shift = [this.shift[0] + (nx - x) * this.plane.mm[0], this.shift[1] + (ny - y) * this.plane.mm[1]];
  }

  /** @param {number} dx @param {number} dy  CSS pixels */
  panBy(dx, dy) {
    const ratio = this.canvas.width / Math.max(1, this.canvas.clientWidth);
    this.shift = [this.shift[0] + (dx * ratio) / this.scale, this.shift[1] + (dy * ratio) / this.scale];
  }

  reset() {
    [this.zoom, this.shift] = [1, [0, 0]];
  }

  /** Fits the canvas to its place on the page. @returns {boolean} false where it is not shown */
  resize() {
    const ratio = Math.min(2, devicePixelRatio || 1);
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight].map((n) => Math.round(n * ratio));
    if (!width || !height) return false;
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    return true;
  }

  draw() {
    if (!this.session.scan || !this.resize()) return;
    const { session, plane, slice, layers } = this;
    layers.update(session, plane, slice);
    const context = this.canvas.getContext("2d", { alpha: false });
    context.fillStyle = "#000";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    const [left, top] = this.toScreen(-0.5, -0.5);
    const [right, bottom] = this.toScreen(plane.width - 0.5, plane.height - 0.5);
    const place = [left, top, right - left, bottom - top];
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "low";
    context.drawImage(layers.grey.canvas, ...place);
    context.imageSmoothingEnabled = false;
    context.drawImage(layers.over.canvas, ...place);
    if (isoShown(session)) context.drawImage(layers.iso.canvas, ...place);
    this.#lines(context);
    if (session.look.crosshair) crosshair(context, this);
    measures(context, this, (world) => toPlane(plane, fromWorld(session.scan.affine, world)));
    if (this.hover && BRUSHES.includes(session.tool.name)) ring(context, this, this.hover);
    letters(context, plane.letters);
    scaleBar(context, this.scale);
  }

  #lines(context) {
    const ratio = this.canvas.width / Math.max(1, this.canvas.clientWidth);
    context.lineWidth = 1.6 * ratio;
    context.lineCap = "round";
    for (const { color, lines } of this.layers.lines) {
      context.strokeStyle = `rgb(${color})`;
      context.beginPath();
      for (let n = 0; n < lines.length; n += 4) {
        context.moveTo(...this.toScreen(lines[n], lines[n + 1]));
        context.lineTo(...this.toScreen(lines[n + 2], lines[n + 3]));
      }
      context.stroke();
    }
  }
}
