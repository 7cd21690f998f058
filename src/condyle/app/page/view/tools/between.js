// Interpolation between slices: a label drawn on some slices is carried through the gaps by its signed distances,
// after Raya and Udupa, "Shape-based interpolation of multidimensional objects", IEEE TMI 9 (1990).
import { boxOf, Indices, stepsOf } from "./grid.js";
import { signedDistance } from "./distance.js";

/**
 * The voxels that fill the gaps of a label.
 * @param {Uint8Array|Uint16Array} labels @param {import("./grid.js").Grid} grid @param {number} label
 * @param {number} through  voxel axis across the drawn slices
 * @returns {Uint32Array} voxels of slices that hold none of the label, between two that do
 */
export function between(labels, { shape, spacing }, label, through) {
  const box = boxOf(labels, shape, (other) => other === label);
  const found = new Indices();
  if (!box) return found.done();
  const [across, down] = [0, 1, 2].filter((axis) => axis !== through);
  const steps = stepsOf(shape);
  // One pixel of air around, so that the outline is closed at the border of the box.
  const origin = [box.low[across] - 1, box.low[down] - 1];
  const [width, height] = [box.high[across] - box.low[across] + 2, box.high[down] - box.low[down] + 2];
  const indexOf = (x, y, slice) =>
    (x + origin[0]) * steps[across] + (y + origin[1]) * steps[down] + slice * steps[through];

  const fieldOf = (slice) => {
    const mask = new Uint8Array(width * height);
    let any = false;
    for (let y = 1; y < height - 1; y++) {
      for (let x = 1; x < width - 1; x++) {
        if (labels[indexOf(x, y, slice)] !== label) continue;
        mask[y * width + x] = 1;
        any = true;
      }
    }
    return any ? signedDistance(mask, width, height, [spacing[across], spacing[down]]) : null;
  };

  let last = null;
  for (let slice = box.low[through]; slice < box.high[through]; slice++) {
    const field = fieldOf(slice);
    if (!field) continue;
    for (let gap = last ? last.slice + 1 : slice; gap < slice; gap++) {
      const part = (gap - last.slice) / (slice - last.slice);
      for (let y = 1; y < height - 1; y++) {
        for (let x = 1; x < width - 1; x++) {
          const n = y * width + x;
          if ((1 - part) * last.field[n] + part * field[n] > 0) found.push(indexOf(x, y, gap));
        }
      }
    }
    last = { slice, field };
  }
  return found.done();
}
