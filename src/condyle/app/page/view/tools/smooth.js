// Smoothing: a label's 0/1 image blurred with a Gaussian in mm, and cut where the label keeps its volume. Cut at one
// half, round bodies would shrink: a ball of 9 mm by 7 % at 1.5 mm.
import { boxOf, countOf, inBox, Indices, shapeOf, stepsOf, widened } from "./grid.js";

/**
 * @param {Uint8Array|Uint16Array} labels @param {import("./grid.js").Grid} grid @param {number} label
 * @param {number} sigma_mm
 * @returns {import("./grid.js").Proposal} background that joins the label, and voxels that leave it for background
 */
export function smooth(labels, { shape, spacing }, label, sigma_mm) {
  const found = boxOf(labels, shape, (other) => other === label);
  if (!found) return { indices: new Uint32Array(0), values: new Uint16Array(0) };
  const reach = spacing.map((mm) => Math.ceil((3 * sigma_mm) / mm));
  const box = widened(found, reach, shape);
  const size = shapeOf(box);
  const field = new Float32Array(countOf(box));
  let before = 0;
  inBox(shape, box, (index, inside) => {
    field[inside] = labels[index] === label ? 1 : 0;
    before += field[inside];
  });
  [0, 1, 2].forEach((axis) => blur(field, size, axis, sigma_mm / spacing[axis]));
  const level = levelOf(field, before);
  const [indices, values] = [new Indices(), new Indices()];
  inBox(shape, box, (index, inside) => {
    const [is, becomes] = [labels[index] === label, field[inside] > level];
    if (is === becomes || (becomes && labels[index] !== 0)) return;
    indices.push(index);
    values.push(becomes ? label : 0);
  });
  return { indices: indices.done(), values: Uint16Array.from(values.done()) };
}

/** Between 0.3 and 0.7, where as many voxels lie above as there were: what is thinner than the blur may still go. */
function levelOf(field, count) {
  const BINS = 4000;
  const above = new Uint32Array(BINS + 1);
  for (const value of field) above[Math.min(BINS, Math.floor(value * BINS))] += 1;
  let bin = BINS;
  for (let sum = above[bin]; sum < count && bin > 0; sum += above[--bin]);
  return Math.max(0.3, Math.min(0.7, bin / BINS));
}

/** Blurs along one axis in place; beyond the border the last value goes on. */
function blur(field, shape, axis, sigma) {
  const reach = Math.ceil(3 * sigma);
  const weights = Array.from({ length: reach + 1 }, (_, n) => Math.exp(-0.5 * (n / sigma) ** 2));
  const sum = 2 * weights.reduce((a, b) => a + b, 0) - weights[0];
  const [count, step] = [shape[axis], stepsOf(shape)[axis]];
  const line = new Float32Array(count + 2 * reach);
  for (let start = 0; start < field.length; start++) {
    if (Math.floor(start / step) % count !== 0) continue;
    for (let n = -reach; n < count + reach; n++)
      line[n + reach] = field[start + Math.max(0, Math.min(count - 1, n)) * step];
    for (let n = 0; n < count; n++) {
      let value = weights[0] * line[n + reach];
      for (let d = 1; d <= reach; d++) value += weights[d] * (line[n + reach - d] + line[n + reach + d]);
      field[start + n * step] = value / sum;
    }
  }
}
