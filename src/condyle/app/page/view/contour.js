// Outlines of labels in a slice: lines through the middles between pixels (marching squares).

/** @typedef {import("./planes.js").Plane} Plane */

/** Lines of each of the 16 ways a square's corners can lie, in half pixels from the centre of its first corner. */
const [TOP, RIGHT, BOTTOM, LEFT] = [
  [1, 0],
  [2, 1],
  [1, 2],
  [0, 1],
];
const LINES = [
  [],
  [LEFT, TOP],
  [TOP, RIGHT],
  [LEFT, RIGHT],
  [RIGHT, BOTTOM],
  [LEFT, TOP, RIGHT, BOTTOM],
  [TOP, BOTTOM],
  [LEFT, BOTTOM],
  [BOTTOM, LEFT],
  [TOP, BOTTOM],
  [TOP, RIGHT, BOTTOM, LEFT],
  [RIGHT, BOTTOM],
  [LEFT, RIGHT],
  [TOP, RIGHT],
  [LEFT, TOP],
  [],
];

/**
 * @param {ArrayLike<number>} labels @param {Plane} plane @param {number} slice
 * @returns {Map<number, number[]>} for each label its lines, x0 y0 x1 y1 each; pixel centres are whole numbers
 */
export function outlines(labels, plane, slice) {
  const { width, height, steps } = plane;
  const first = plane.start + slice * steps[2];
  /** @type {Map<number, number[]>} */
  const found = new Map();
  for (let y = -1; y < height; y++) {
    // A square of four neighbours: a b above, d c below; what lies outside the slice is background.
    let [a, d] = [0, 0];
    let upper = first + y * steps[1];
    let lower = upper + steps[1];
    for (let x = -1; x < width; x++) {
      const inside = x + 1 < width;
      const b = inside && y >= 0 ? labels[upper] : 0;
      const c = inside && y + 1 < height ? labels[lower] : 0;
      if (a !== b || b !== c || c !== d) around(found, [a, b, c, d], x, y);
      a = b;
      d = c;
      upper += steps[0];
      lower += steps[0];
    }
  }
  return found;
}

function around(found, corners, x, y) {
  corners.forEach((label, n) => {
    if (label === 0 || corners.indexOf(label) !== n) return;
    const way = corners.reduce((bits, other, bit) => (other === label ? bits | (1 << bit) : bits), 0);
    if (!found.has(label)) found.set(label, []);
    for (const [dx, dy] of LINES[way]) found.get(label).push(x + dx / 2, y + dy / 2);
  });
}
