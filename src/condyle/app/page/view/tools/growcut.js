// Grow-cut: painted seeds of all labels grow until they meet where the scan changes. The label that wins a voxel is
// the one with the cheapest path to it, a step costing what the scan changes along it: the shortest-path form of
// Vezhnevets and Konouchine's automaton (Zhu et al., "An effective interactive medical image segmentation method
// using fast GrowCut", MICCAI IMIC 2014).
import { boxOf, countOf, inBox, Indices, placeOf, shapeOf, stepsOf, widened } from "./grid.js";

/** Largest box it takes on: above this a page would run for minutes. */
export const MOST_VOXELS = 40_000_000;

/** Steps of a path's cost between two voxels whose values lie a whole range apart. */
const LEVELS = 250;

/**
 * @param {{data: ArrayLike<number>, slope: number, intercept: number}} scan
 * @param {Uint8Array|Uint16Array} labels  every label is a seed
 * @param {import("./grid.js").Grid} grid
 * @param {number} margin_mm  how far the labels may grow beyond the box around all seeds; the shell of that wider
 *     box is a seed of background, but not where the scan ends
 * @returns {import("./grid.js").Proposal} labels for voxels that were background
 * @throws {RangeError} where there is no seed, or the box is too large
 */
export function growCut(scan, labels, { shape, spacing }, margin_mm) {
  const seeds = boxOf(labels, shape, (label) => label > 0);
  if (!seeds) throw new RangeError("no seeds");
  const box = widened(
    seeds,
    spacing.map((mm) => Math.max(1, Math.ceil(margin_mm / mm))),
    shape,
  );
  if (countOf(box) > MOST_VOXELS) throw new RangeError("too large");
  const size = shapeOf(box);
  const [values, owner, back] = [
    new Float32Array(countOf(box)),
    new Int32Array(countOf(box)),
    new Uint32Array(countOf(box)),
  ];
  let [low, high] = [Infinity, -Infinity];
  inBox(shape, box, (index, inside) => {
    back[inside] = index;
    owner[inside] = labels[index];
    values[inside] = scan.data[index] * scan.slope + scan.intercept;
    low = Math.min(low, values[inside]);
    high = Math.max(high, values[inside]);
  });
  seedShell(owner, size, box, shape);
  grow(values, owner, size, spacing, LEVELS / Math.max(high - low, 1e-9));
  const [indices, won] = [new Indices(), new Indices()];
  owner.forEach((label, inside) => {
    if (label <= 0 || labels[back[inside]] !== 0) return;
    indices.push(back[inside]);
    won.push(label);
  });
  return { indices: indices.done(), values: Uint16Array.from(won.done()) };
}

const BACKGROUND = -1;

/** Seeds of background on the box's faces, but not where the scan itself ends: a bone may be cut there. */
function seedShell(owner, size, box, shape) {
  const lows = [0, 1, 2].filter((axis) => box.low[axis] > 0);
  const highs = [0, 1, 2].filter((axis) => box.high[axis] < shape[axis]);
  const all = lows.length + highs.length === 0;
  for (let at = 0; at < owner.length; at++) {
    if (owner[at] !== 0) continue;
    const place = placeOf(size, at);
    const low = (axis) => place[axis] === 0;
    const high = (axis) => place[axis] === size[axis] - 1;
    if (all ? [0, 1, 2].some((axis) => low(axis) || high(axis)) : lows.some(low) || highs.some(high))
      owner[at] = BACKGROUND;
  }
}

/** Dijkstra from all seeds at once, with one bucket for each whole cost (Dial's queue). */
function grow(values, owner, size, spacing, scale) {
  const steps = stepsOf(size);
  const finest = Math.min(...spacing);
  const cost = new Int32Array(owner.length).fill(2 ** 31 - 1);
  /** @type {Indices[]} */
  const buckets = [new Indices()];
  for (let at = 0; at < owner.length; at++) {
    if (owner[at] === 0) continue;
    cost[at] = 0;
    buckets[0].push(at);
  }
  for (let now = 0; now < buckets.length; now++) {
    const bucket = buckets[now];
    while (bucket && bucket.length) {
      const at = bucket.pop();
      if (cost[at] !== now) continue;
      for (let axis = 0; axis < 3; axis++) {
        const place = Math.floor(at / steps[axis]) % size[axis];
        if (place > 0) reach(at, at - steps[axis], now, axis);
        if (place < size[axis] - 1) reach(at, at + steps[axis], now, axis);
      }
    }
    buckets[now] = undefined;
  }

  function reach(from, to, now, axis) {
    // A small price for length: in flat parts the border lies half-way between the seeds.
    const price = now + Math.round(Math.abs(values[to] - values[from]) * scale + spacing[axis] / finest);
    if (price >= cost[to]) return;
    cost[to] = price;
    owner[to] = owner[from];
    while (buckets.length <= price) buckets.push(undefined);
    (buckets[price] ??= new Indices()).push(to);
  }
}
