// Brush and eraser: everything within a radius of the way that the pointer went, in mm.
import { Indices } from "./grid.js";

/**
 * The voxels whose centres lie within `radius` of the line from `from` to `to`: a ball where both are one point.
 * @param {import("./grid.js").Grid} grid
 * @param {number[]} from @param {number[]} to  voxels, fractions allowed
 * @param {number} radius  mm
 * @param {number|null} through  stay in the slice across this voxel axis (a disc), null for all three directions
 * @returns {Uint32Array}
 */
export function capsule({ shape, spacing }, from, to, radius, through = null) {
  const centre = [0, 1, 2].map((n) => (n === through ? Math.round(from[n]) : from[n]));
  const end = [0, 1, 2].map((n) => (n === through ? centre[n] : to[n]));
  const way = [0, 1, 2].map((n) => (end[n] - centre[n]) * spacing[n]);
  const length2 = way[0] ** 2 + way[1] ** 2 + way[2] ** 2;
  const low = [0, 1, 2].map((n) => limit(Math.min(centre[n], end[n]), n, -1));
  const high = [0, 1, 2].map((n) => limit(Math.max(centre[n], end[n]), n, 1));
  const found = new Indices();
  const most = radius * radius * (1 + 1e-9);
  for (let k = low[2]; k <= high[2]; k++) {
    const z = (k - centre[2]) * spacing[2];
    for (let j = low[1]; j <= high[1]; j++) {
      const y = (j - centre[1]) * spacing[1];
      for (let i = low[0]; i <= high[0]; i++) {
        const x = (i - centre[0]) * spacing[0];
        const along = length2 ? Math.max(0, Math.min(1, (x * way[0] + y * way[1] + z * way[2]) / length2)) : 0;
        const off = (x - along * way[0]) ** 2 + (y - along * way[1]) ** 2 + (z - along * way[2]) ** 2;
        if (off <= most) found.push(i + shape[0] * (j + shape[1] * k));
      }
    }
  }
  return found.done();

  function limit(place, axis, side) {
    const reach = axis === through ? 0 : radius / spacing[axis];
    const whole = side < 0 ? Math.ceil(place - reach - 1e-9) : Math.floor(place + reach + 1e-9);
    return Math.max(0, Math.min(shape[axis] - 1, whole));
  }
}
