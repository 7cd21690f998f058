// What the tool in hand does where the pointer, or the crosshair by key, touches a plane.
import { capsule } from "./tools/brush.js";
import { indexOf, toWorld } from "./planes.js";
import { BRUSHES } from "./pane.js";
import { Heavy } from "./heavy.js";
import { words } from "./words.js";

/** @typedef {import("./pane.js").Pane} Pane @typedef {import("./session.js").Session} Session */

export class Hand {
  /** @type {Heavy|null} */ #heavy = null;

  /** @type {{erase: boolean, last: number[], labels: object}|null} */ #stroke = null;

  /** True while a measure's first point is held. */
  #fresh = false;

  /** Name of the heavy tool at work, or null. @type {string|null} */ busy = null;

  /** @param {Session} session @param {(text: string) => void} say @param {(error: Error) => void} complain */
  constructor(session, say, complain) {
    [this.session, this.say, this.complain] = [session, say, complain];
  }

  /** @param {Pane} pane @param {number[]} voxel @param {{erase?: boolean}} [how] */
  begin(pane, voxel, { erase = false } = {}) {
    const { session } = this;
    session.tool.plane = pane.name;
    const { name } = session.tool;
    if (BRUSHES.includes(name)) this.#startStroke(pane, voxel, erase || name === "erase");
    else if (name === "fill") this.#seeded(pane, voxel, "bucket");
    else if (name === "flood") this.#seeded(pane, voxel, "flood");
    else if (name === "distance" || name === "angle") this.#point(voxel);
    else session.moveTo(voxel);
  }

  /** @param {Pane} pane @param {number[]} voxel */
  drag(pane, voxel) {
    const { session } = this;
    const { name } = session.tool;
    if (this.#stroke) {
      this.#dab(pane, this.#stroke.last, voxel);
    } else if (["distance", "angle"].includes(name)) {
      this.#pull(voxel);
    } else if (!["fill", "flood", "window"].includes(name)) {
      session.moveTo(voxel);
    }
  }

  /** Ends what `begin` began. */
  end() {
    if (this.#stroke) this.session.endStroke(words.done[this.#stroke.erase ? "erase" : "brush"]);
    this.#stroke = null;
    this.#fresh = false;
  }

  /** Does at the crosshair what a click would do there. @param {Pane} pane */
  press(pane) {
    this.begin(pane, this.session.cursor);
    this.end();
  }

  /**
   * Runs a tool of the worker on the whole label map and writes what it proposes.
   * @param {string} tool @param {object} [settings]
   */
  async run(tool, settings = {}) {
    const { session } = this;
    if (this.busy || !session.editable) return;
    const { labels } = session;
    this.#heavy ??= new Heavy(session.scan);
    this.#turn(tool);
    try {
      const label = session.active;
      const proposal = await this.#heavy.run(tool, labels.data, session.scan, { label, ...settings });
      // What was proposed for one label set is wrong for another that was loaded meanwhile.
      if (!proposal || session.labels !== labels) {
        this.say(words.stopped);
        return;
      }
      const voxels = session.edit(proposal, words.done[tool]);
      this.say(voxels ? words.changed(words.done[tool], voxels, this.#ml(voxels)) : words.unchanged(words.done[tool]));
    } catch (error) {
      this.complain(new Error(words.refused[error.message] ?? error.message));
    } finally {
      this.#turn(null);
    }
  }

  /** Ends a heavy tool that runs; the labels stay as they are. */
  stop() {
    this.#heavy?.stop();
  }

  /** Lets go of the worker: before another scan, and at the end. */
  close() {
    this.#heavy?.close();
    this.#heavy = null;
  }

  #turn(tool) {
    this.busy = tool;
    this.session.tell("busy");
  }

  #ml(voxels) {
    return (voxels * this.session.scan.spacing.reduce((a, b) => a * b, 1)) / 1000;
  }

  #startStroke(pane, voxel, erase) {
    if (this.busy || !this.session.editable) return;
    this.#stroke = { erase, last: voxel, labels: this.session.labels };
    this.session.beginStroke();
    this.#dab(pane, voxel, voxel);
  }

  #dab(pane, from, to) {
    const { session } = this;
    const { radius, flat, only, range } = session.tool;
    const { scan, active } = session;
    const { erase, labels } = this.#stroke;
    if (labels !== session.labels) return; // another label set was loaded under the pointer
    this.#stroke.last = to;
    const indices = capsule(scan, from, to, radius, flat ? pane.plane.axes[2] : null);
    const inRange = (index) => {
      const value = scan.data[index] * scan.slope + scan.intercept;
      return value >= range[0] && value <= range[1];
    };
    const own = (index) => session.labels.data[index] === active;
    const allowed = erase ? own : only ? inRange : undefined;
    session.edit({ indices, values: erase ? 0 : active }, "", allowed);
  }

  #seeded(pane, voxel, tool) {
    const { flat, range } = this.session.tool;
    const seed = indexOf(this.session.scan.shape, voxel);
    if (seed < 0) return;
    this.run(tool, { seed, range, through: flat ? pane.plane.axes[2] : null });
  }

  /** Adds a point to the measure that is not complete, or begins another. */
  #point(voxel) {
    const { session } = this;
    const { name } = session.tool;
    const point = toWorld(session.scan.affine, voxel);
    const open = session.measures.at(-1);
    this.#fresh = !(open?.kind === name && open.points.length < (name === "distance" ? 2 : 3));
    if (this.#fresh) session.measures.push({ kind: name, points: [point] });
    else open.points.push(point);
    session.tell("measures");
  }

  /** Draws the last point along; a distance may be drawn in one go. */
  #pull(voxel) {
    const { measures, scan } = this.session;
    const { kind, points } = measures.at(-1);
    points[kind === "distance" && this.#fresh ? 1 : points.length - 1] = toWorld(scan.affine, voxel);
    this.session.tell("measures");
  }
}
