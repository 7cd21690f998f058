// Changes of a label map: what a tool proposes, minus what is locked, as runs that can be taken back bit by bit.

/** @typedef {import("./tools/grid.js").Proposal} Proposal */

/**
 * What one change did: runs of neighbouring voxels that all went from one label to one other.
 * @typedef {Uint32Array} Delta  start, length, label before, label after; again and again
 */

/**
 * Writes a proposal into the labels. A voxel of a locked label stays, and no voxel becomes a locked label.
 * @param {Uint8Array|Uint16Array} labels  changed in place
 * @param {Proposal} proposal
 * @param {Set<number>} locked
 * @param {(index: number) => boolean} [allowed]  a further condition on each voxel
 * @returns {Delta} empty where nothing changed
 */
export function apply(labels, { indices, values }, locked, allowed = () => true) {
  const one = typeof values === "number";
  const order = one ? indices.slice().sort() : null;
  const places = order ?? sortedOrder(indices);
  const runs = [];
  let [start, length, was, is] = [0, 0, 0, 0];
  for (const place of places) {
    const index = one ? place : indices[place];
    const [before, after] = [labels[index], one ? values : values[place]];
    if (before === after || locked.has(before) || locked.has(after) || !allowed(index)) continue;
    labels[index] = after;
    if (length && index === start + length && before === was && after === is) {
      length++;
      continue;
    }
    if (length) runs.push(start, length, was, is);
    [start, length, was, is] = [index, 1, before, after];
  }
  if (length) runs.push(start, length, was, is);
  return Uint32Array.from(runs);
}

/** Takes a change back. @param {Uint8Array|Uint16Array} labels @param {Delta} delta */
export const revert = (labels, delta) => write(labels, delta, 2);

/** Makes a change again. @param {Uint8Array|Uint16Array} labels @param {Delta} delta */
export const repeat = (labels, delta) => write(labels, delta, 3);

/** @param {Delta} delta @returns {number} how many voxels it changed */
export function changed(delta) {
  let sum = 0;
  for (let n = 1; n < delta.length; n += 4) sum += delta[n];
  return sum;
}

function write(labels, delta, which) {
  for (let n = 0; n < delta.length; n += 4) labels.fill(delta[n + which], delta[n], delta[n] + delta[n + 1]);
}

function sortedOrder(indices) {
  const order = Uint32Array.from(indices, (_, n) => n);
  for (let n = 1; n < indices.length; n++)
    if (indices[n] < indices[n - 1]) return order.sort((a, b) => indices[a] - indices[b]);
  return order;
}
