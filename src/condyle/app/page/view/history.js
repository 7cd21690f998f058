// Undo and redo: the last changes, in bounded memory.
import { repeat, revert } from "./edits.js";

/**
 * @typedef {object} Step
 * @property {string} name  what was done, for the button's hint
 * @property {import("./edits.js").Delta[]} deltas  in the order they were made
 */

export class History {
  /** @type {Step[]} */ #done = [];

  /** @type {Step[]} */ #undone = [];

  #bytes = 0;

  /** @param {number} most  bytes of changes kept; the oldest are forgotten first, the last one never */
  constructor(most = 64 * 2 ** 20) {
    this.most = most;
  }

  /** Bytes held now. */
  get bytes() {
    return this.#bytes;
  }

  /** Name of the step that undo would take back, or null. */
  get undoes() {
    return this.#done.at(-1)?.name ?? null;
  }

  /** Name of the step that redo would make again, or null. */
  get redoes() {
    return this.#undone.at(-1)?.name ?? null;
  }

  /** @param {Step} step  a step that changed nothing is not kept */
  push(step) {
    const deltas = step.deltas.filter((delta) => delta.length);
    if (deltas.length === 0) return;
    this.#bytes -= this.#undone.reduce((sum, old) => sum + size(old), 0);
    this.#undone = [];
    this.#done.push({ name: step.name, deltas });
    this.#bytes += size(this.#done.at(-1));
    while (this.#bytes > this.most && this.#done.length > 1) this.#bytes -= size(this.#done.shift());
  }

  /** @param {Uint8Array|Uint16Array} labels  changed in place @returns {Step|null} what was taken back */
  undo(labels) {
    const step = this.#done.pop();
    if (!step) return null;
    for (const delta of step.deltas.toReversed()) revert(labels, delta);
    this.#undone.push(step);
    return step;
  }

  /** @param {Uint8Array|Uint16Array} labels  changed in place @returns {Step|null} what was made again */
  redo(labels) {
    const step = this.#undone.pop();
    if (!step) return null;
    for (const delta of step.deltas) repeat(labels, delta);
    this.#done.push(step);
    return step;
  }

  clear() {
    [this.#done, this.#undone, this.#bytes] = [[], [], 0];
  }
}

const size = (step) => step.deltas.reduce((sum, delta) => sum + delta.byteLength, 0);
