// Distances and angles in mm and degrees, between points of the world.

/** @param {number[]} a @param {number[]} b  RAS mm @returns {number} mm */
export const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

/** @param {number[]} a @param {number[]} corner @param {number[]} b  RAS mm @returns {number} degrees, 0 to 180 */
export function angle(a, corner, b) {
  const [p, q] = [a, b].map((end) => end.map((mm, n) => mm - corner[n]));
  const cosine = (p[0] * q[0] + p[1] * q[1] + p[2] * q[2]) / (Math.hypot(...p) * Math.hypot(...q));
  return Number.isFinite(cosine) ? (Math.acos(Math.max(-1, Math.min(1, cosine))) * 180) / Math.PI : 0;
}
