// The three planes of a volume, and the way between screen, voxel and world.
//
// * plane: which voxels make a picture. The patient's right is on the left of the screen, front and head are up;
//   in the sagittal picture the front is on the left. Oblique volumes are cut along their own axes, the closest to
//   the body's.
// * slice: counts towards the patient's right, front or head.

/** The world's directions, positive end first. */
const ENDS = [
  ["R", "L"],
  ["A", "P"],
  ["S", "I"],
];

/** World axes (0 right, 1 front, 2 head) against which a picture's x and y run, and along which its slices count. */
const LAYOUT = { axial: { u: 0, v: 1, w: 2 }, coronal: { u: 0, v: 2, w: 1 }, sagittal: { u: 1, v: 2, w: 0 } };

export const NAMES = /** @type {const} */ (["axial", "coronal", "sagittal"]);

/**
 * @typedef {object} Plane
 * @property {"axial"|"coronal"|"sagittal"} name
 * @property {number[]} axes  voxel axes across, down and through the picture
 * @property {number[]} signs  +1 where the voxel axis runs with x, y, slice, else -1
 * @property {number} width @property {number} height @property {number} depth  in voxels
 * @property {number[]} mm  size of a voxel across, down, through
 * @property {number} start @property {number[]} steps  index in the data: start + x steps[0] + y steps[1] + slice steps[2]
 * @property {string[]} letters  left, right, top, bottom of the screen
 */

/**
 * @param {{shape: number[], affine: number[], spacing: number[]}} volume
 * @param {"axial"|"coronal"|"sagittal"} name
 * @returns {Plane}
 */
export function planeOf({ shape, affine, spacing }, name) {
  const body = closest(affine);
  const { u, v, w } = LAYOUT[name];
  const axes = [u, v, w].map((world) => body[world].axis);
  const signs = [-body[u].sign, -body[v].sign, body[w].sign];
  const stride = [1, shape[0], shape[0] * shape[1]];
  const start = axes.reduce((sum, axis, n) => sum + (signs[n] < 0 ? (shape[axis] - 1) * stride[axis] : 0), 0);
  const [width, height, depth] = axes.map((axis) => shape[axis]);
  const towards = (n) => letters(affine, axes[n], signs[n]);
  const away = (n) => letters(affine, axes[n], -signs[n]);
  return {
    name,
    axes,
    signs,
    width,
    height,
    depth,
    start,
    mm: axes.map((axis) => spacing[axis]),
    steps: axes.map((axis, n) => signs[n] * stride[axis]),
    letters: [away(0), towards(0), away(1), towards(1)],
  };
}

/** @param {Plane} plane @param {number[]} voxel @returns {number[]} x, y, slice; fractions allowed */
export const toPlane = (plane, voxel) =>
  plane.axes.map((axis, n) =>
    plane.signs[n] > 0 ? voxel[axis] : [plane.width, plane.height, plane.depth][n] - 1 - voxel[axis],
  );

/** @param {Plane} plane @param {number[]} place  x, y, slice @returns {number[]} voxel i, j, k */
export function toVoxel(plane, place) {
  const voxel = [0, 0, 0];
  plane.axes.forEach((axis, n) => {
    voxel[axis] = plane.signs[n] > 0 ? place[n] : [plane.width, plane.height, plane.depth][n] - 1 - place[n];
  });
  return voxel;
}

/** @param {number[]} affine @param {number[]} voxel @returns {number[]} RAS mm */
export const toWorld = (affine, voxel) =>
  [0, 4, 8].map(
    (row) => affine[row] * voxel[0] + affine[row + 1] * voxel[1] + affine[row + 2] * voxel[2] + affine[row + 3],
  );

/** @param {number[]} affine @param {number[]} world  RAS mm @returns {number[]} voxel, with fractions */
export function fromWorld(affine, world) {
  const column = (n) => [affine[n], affine[4 + n], affine[8 + n]];
  const [a, b, c] = [column(0), column(1), column(2)];
  const left = world.map((mm, n) => mm - affine[4 * n + 3]);
  const volume = dot(a, cross(b, c));
  return [dot(left, cross(b, c)) / volume, dot(left, cross(c, a)) / volume, dot(left, cross(a, b)) / volume];
}

/** @param {number[]} shape @param {number[]} voxel @returns {number} index in the data; -1 outside */
export function indexOf(shape, voxel) {
  const [i, j, k] = voxel.map(Math.round);
  if (i < 0 || j < 0 || k < 0 || i >= shape[0] || j >= shape[1] || k >= shape[2]) return -1;
  return i + shape[0] * (j + shape[1] * k);
}

const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];

/** For each world axis the voxel axis closest to it, all three different, and its sign. */
function closest(affine) {
  const length = [0, 1, 2].map((n) => Math.hypot(affine[n], affine[4 + n], affine[8 + n]));
  const cosine = (world, axis) => affine[4 * world + axis] / length[axis];
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ];
  const fit = (order) => order.reduce((sum, axis, world) => sum + Math.abs(cosine(world, axis)), 0);
  const best = orders.reduce((a, b) => (fit(b) > fit(a) + 1e-9 ? b : a));
  return best.map((axis, world) => ({ axis, sign: cosine(world, axis) < 0 ? -1 : 1 }));
}

/** Where a voxel axis points: `R`, or `RA` where it leans by more than 20 degrees. */
function letters(affine, axis, sign) {
  const mm = [0, 1, 2].map((world) => sign * affine[4 * world + axis]);
  const length = Math.hypot(...mm);
  return [0, 1, 2]
    .filter((world) => Math.abs(mm[world]) > 0.342 * length)
    .sort((a, b) => Math.abs(mm[b]) - Math.abs(mm[a]))
    .map((world) => ENDS[world][mm[world] > 0 ? 0 : 1])
    .join("");
}
