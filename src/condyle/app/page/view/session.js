// What is looked at and worked on: the scan, the labels, and how both are shown. It draws nothing; whoever wants to
// know listens for `change`, whose detail says what changed.
import * as edits from "./edits.js";
import { History } from "./history.js";
import { fromWorld, indexOf, NAMES, planeOf, toWorld } from "./planes.js";
import { words } from "./words.js";
import { autoWindow, looksLikeCt, PRESETS, rangeOf } from "./window.js";

/**
 * @typedef {import("./nifti.js").Volume} Volume
 * @typedef {{id: number, name: string, color: number[], side?: string|null}} Structure
 * @typedef {{name: string, data: Uint8Array|Uint16Array}} LabelMap
 * @typedef {"scan"|"labels"|"cursor"|"look"|"tool"|"measures"|"history"|"busy"} What
 */

export class Session extends EventTarget {
  /** @type {Volume} */ scan;

  /** @type {LabelMap} what is corrected */ labels;

  /** @type {LabelMap|null} what it is compared with */ other = null;

  /** @type {Structure[]} */ structures = [];

  /** @type {Set<number>} */ locked = new Set();

  /** @type {Set<number>} */ hidden = new Set();

  /** How things are shown. `mode` is `plain`, `outlines` (labels and other) or `errors`; `first` says which is the truth. */
  look = { window: [0, 1], style: "both", opacity: 0.45, mode: "plain", first: "other", crosshair: true, labels: true };

  /** The tool in hand and its settings; a length is in mm. */
  tool = {
    name: "navigate",
    radius: 5,
    flat: true,
    only: false,
    range: [0, 0],
    sigma: 1,
    margin: 15,
    least_ml: 1,
    plane: "axial",
  };

  /** @type {{kind: "distance"|"angle", points: number[][]}[]} points in RAS mm */ measures = [];

  history = new History();

  /** Name of the scan's channel; `CT` means HU. */
  channel = "";

  cursor = [0, 0, 0];

  active = 1;

  /** False while only a coarse scan is there, or for looking alone. */
  editable = false;

  /** Counts changes of the labels, for whoever keeps pictures of them. */
  version = 0;

  /** @type {edits.Delta[]|null} */ #stroke = null;

  /** @param {What} what */
  tell(what) {
    this.dispatchEvent(new CustomEvent("change", { detail: what }));
  }

  /** @param {What} what @param {Partial<Session["look"]>|Partial<Session["tool"]>} values */
  set(what, values) {
    Object.assign(this[what], values);
    this.tell(what);
  }

  /** Shows a scan, or a finer one: the crosshair stays where it was in the world. @param {Volume} scan */
  setScan(scan) {
    const world = this.scan && toWorld(this.scan.affine, this.cursor);
    this.scan = scan;
    this.planes = Object.fromEntries(NAMES.map((name) => [name, planeOf(scan, name)]));
    const whole = this.range && this.tool.range[1] === Math.ceil(this.range[1]);
    this.range = rangeOf(scan);
    if (whole) this.tool.range[1] = Math.ceil(this.range[1]);
    this.isCt = this.channel.toUpperCase() === "CT" || looksLikeCt(this.range);
    const untouched = this.auto && this.auto.every((end, n) => end === this.look.window[n]);
    this.auto = autoWindow(scan);
    if (untouched) this.look.window = [...this.auto];
    this.cursor = world ? this.#inside(fromWorld(scan.affine, world)) : scan.shape.map((n) => Math.floor(n / 2));
    this.labels = { name: "", data: new Uint8Array(scan.data.length) };
    this.other = null;
    this.history.clear();
    this.version += 1;
    this.tell("scan");
  }

  /** The window and range to begin with: bone in HU for CT, else from the values. */
  begin() {
    this.look.window = this.isCt ? [...PRESETS.bone] : this.auto;
    const [low, high] = this.auto;
    this.tool.range = this.isCt
      ? [250, Math.ceil(this.range[1])]
      : [Math.round((low + high) / 2), Math.ceil(this.range[1])];
    this.tell("look");
    this.tell("tool");
  }

  /** @param {LabelMap} labels  on the scan's grid */
  setLabels(labels) {
    if (labels.data.length !== this.scan.data.length)
      throw new RangeError(words.elsewhere(labels.name));
    this.labels = labels;
    this.#stroke = null;
    this.history.clear();
    this.version += 1;
    this.tell("labels");
    this.tell("history");
  }

  /** @param {LabelMap|null} other */
  setOther(other) {
    if (other && other.data.length !== this.scan.data.length)
      throw new RangeError(words.elsewhere(other.name));
    this.other = other;
    if (!other) this.look.mode = "plain";
    this.version += 1;
    this.tell("look");
  }

  /** @param {number[]} voxel  kept inside the scan */
  moveTo(voxel) {
    this.cursor = this.#inside(voxel);
    this.tell("cursor");
  }

  /** @returns {{world: number[], value: number, label: number, other: number}} what lies under a voxel */
  at(voxel) {
    const index = indexOf(this.scan.shape, voxel);
    const { data, slope, intercept, affine } = this.scan;
    return {
      world: toWorld(affine, voxel),
      value: data[index] * slope + intercept,
      label: this.labels.data[index] ?? 0,
      other: this.other?.data[index] ?? 0,
    };
  }

  /** @param {number} id @returns {Structure} a plain one where the table has none */
  structure(id) {
    return this.structures.find((one) => one.id === id) ?? { id, name: String(id), color: [200, 200, 200] };
  }

  /** Changes that follow become one step of undo, until `endStroke`. */
  beginStroke() {
    this.#stroke = [];
  }

  /** @param {string} name  what was done */
  endStroke(name) {
    const deltas = this.#stroke;
    this.#stroke = null;
    if (!deltas?.length) return;
    this.history.push({ name, deltas });
    this.tell("history");
  }

  /**
   * Writes what a tool proposes, less what is locked.
   * @param {import("./tools/grid.js").Proposal} proposal @param {string} name
   * @param {(index: number) => boolean} [allowed]
   * @returns {number} voxels changed
   */
  edit(proposal, name, allowed) {
    if (!this.editable) return 0;
    const delta = edits.apply(this.labels.data, proposal, this.locked, allowed);
    if (delta.length === 0) return 0;
    if (this.#stroke) this.#stroke.push(delta);
    else this.history.push({ name, deltas: [delta] });
    this.#edited();
    return edits.changed(delta);
  }

  /** @returns {string|null} what was taken back */
  undo() {
    const step = this.#stroke ? null : this.history.undo(this.labels.data);
    if (step) this.#edited();
    return step?.name ?? null;
  }

  /** @returns {string|null} what was made again */
  redo() {
    const step = this.#stroke ? null : this.history.redo(this.labels.data);
    if (step) this.#edited();
    return step?.name ?? null;
  }

  #edited() {
    this.version += 1;
    this.tell("labels");
    if (!this.#stroke) this.tell("history");
  }

  #inside(voxel) {
    return voxel.map((n, axis) => Math.max(0, Math.min(this.scan.shape[axis] - 1, Math.round(n))));
  }
}
