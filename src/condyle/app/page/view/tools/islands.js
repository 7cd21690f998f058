// Parts of a label: its islands, and its holes. Parts are joined by faces.
import { boxOf, countOf, inBox, Indices, shapeOf, widened } from "./grid.js";
import { connected } from "./region.js";

/**
 * Islands of one label that are to go.
 * @param {Uint8Array|Uint16Array} labels @param {import("./grid.js").Grid} grid @param {number} label
 * @param {number|null} least_ml  parts below this go; null: all but the largest go
 * @returns {Uint32Array}
 */
export function islands(labels, { shape, spacing }, label, least_ml = null) {
  const box = boxOf(labels, shape, (other) => other === label);
  if (!box) return new Uint32Array(0);
  const { small, back } = cut(labels, shape, box, (other) => other === label);
  const parts = partsOf(small, shapeOf(box));
  const voxel_ml = (spacing[0] * spacing[1] * spacing[2]) / 1000;
  const most = parts.reduce((size, part) => Math.max(size, part.length), 0);
  const largest = parts.findIndex((part) => part.length === most);
  const goes = (part, n) => (least_ml === null ? n !== largest : part.length * voxel_ml < least_ml);
  return joined(parts.filter(goes), back);
}

/**
 * Background closed in by a label: cavities, and, slice by slice, what is closed in the slice.
 * @param {Uint8Array|Uint16Array} labels @param {import("./grid.js").Grid} grid @param {number} label
 * @param {number|null} through  look at each slice across this voxel axis on its own
 * @returns {Uint32Array}
 */
export function holes(labels, { shape }, label, through = null) {
  const found = boxOf(labels, shape, (other) => other === label);
  if (!found) return new Uint32Array(0);
  const box = widened(
    found,
    [1, 1, 1].map((one, axis) => (axis === through ? 0 : one)),
    shape,
  );
  const size = shapeOf(box);
  const { small, back } = cut(labels, shape, box, (other) => other !== label);
  const parts = partsOf(small, size, through);
  const open = (index) =>
    [0, 1, 2].some((axis) => {
      const at = Math.floor(index / [1, size[0], size[0] * size[1]][axis]) % size[axis];
      return axis !== through && (at === 0 || at === size[axis] - 1);
    });
  return joined(
    parts.filter((part) => !part.some(open)),
    back,
  ).filter((index) => labels[index] === 0);
}

/** The wanted voxels of a box as 1, and where each lies in the grid. */
function cut(labels, shape, box, wanted) {
  const small = new Uint8Array(countOf(box));
  const back = new Uint32Array(small.length);
  inBox(shape, box, (index, inside) => {
    small[inside] = wanted(labels[index]) ? 1 : 0;
    back[inside] = index;
  });
  return { small, back };
}

function partsOf(mask, shape, through = null) {
  const seen = mask.map((one) => 1 - one);
  const parts = [];
  for (let at = seen.indexOf(0); at >= 0; at = seen.indexOf(0, at + 1)) {
    parts.push(connected(shape, at, () => true, through, seen));
  }
  return parts;
}

function joined(parts, back) {
  const all = new Indices();
  for (const part of parts) for (const inside of part) all.push(back[inside]);
  return all.done();
}
