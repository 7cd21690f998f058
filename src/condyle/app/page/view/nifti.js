// NIfTI-1 files, read and written in the page. Numbers are little- or big-endian; gzip is the browser's own.
import { words } from "./words.js";

/**
 * A scan or a label map, in the order of its file (i fastest).
 * @typedef {object} Volume
 * @property {TypedArray} data  one number a voxel, before `slope` and `intercept`
 * @property {number[]} shape  voxels along i, j, k
 * @property {number[]} affine  16 numbers, row by row: (i, j, k, 1) -> RAS mm
 * @property {number[]} spacing  mm between voxel centres along i, j, k
 * @property {number} slope  value = data * slope + intercept
 * @property {number} intercept
 * @property {Uint8Array} header  the 348 bytes of the file's own header
 * @typedef {Int8Array|Uint8Array|Int16Array|Uint16Array|Int32Array|Uint32Array|Float32Array|Float64Array} TypedArray
 */

const HEADER = 348;

/** NIfTI's codes for types of numbers. */
const TYPES = new Map([
  [2, Uint8Array],
  [4, Int16Array],
  [8, Int32Array],
  [16, Float32Array],
  [64, Float64Array],
  [256, Int8Array],
  [512, Uint16Array],
  [768, Uint32Array],
]);

/** @param {ArrayBuffer} bytes @returns {Promise<ArrayBuffer>} unpacked if it is gzip, else as it is */
export async function unpacked(bytes) {
  const [a, b] = new Uint8Array(bytes, 0, 2);
  if (a !== 0x1f || b !== 0x8b) return bytes;
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

/** @param {Uint8Array} bytes @returns {Promise<Blob>} as a gzip file */
export async function packed(bytes) {
  return new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"))).blob();
}

/**
 * @param {ArrayBuffer} bytes  a whole file, `.nii` or `.nii.gz`
 * @returns {Promise<Volume>}
 * @throws {RangeError} where it is no three-dimensional NIfTI-1 of plain numbers
 */
export async function read(bytes) {
  const file = await unpacked(bytes);
  if (file.byteLength < HEADER)
    throw new RangeError(words.files.short(HEADER, file.byteLength));
  const view = new DataView(file);
  const little = view.getInt32(0, true) === HEADER;
  if (!little && view.getInt32(0, false) !== HEADER) throw new RangeError(words.files.foreign);
  const short = (at) => view.getInt16(at, little);
  const float = (at) => view.getFloat32(at, little);
  const shape = [1, 2, 3].map((n) => Math.max(1, short(40 + 2 * n)));
  if ([4, 5, 6, 7].some((n) => n <= short(40) && short(40 + 2 * n) > 1))
    throw new RangeError(words.files.several);
  const Type = TYPES.get(short(70));
  if (!Type) throw new RangeError(words.files.kind(short(70)));
  const count = shape[0] * shape[1] * shape[2];
  const start = float(108);
  if (start + count * Type.BYTES_PER_ELEMENT > file.byteLength)
    throw new RangeError(words.files.cut);
  const affine = affineOf(short, float);
  const slope = float(112);
  const scaled = Number.isFinite(slope) && slope !== 0;
  return {
    data: numbers(file, start, count, Type, little),
    shape,
    affine,
    spacing: spacingOf(affine),
    slope: scaled ? slope : 1,
    intercept: scaled ? float(116) : 0,
    header: little ? new Uint8Array(file.slice(0, HEADER)) : headerOf(shape, affine),
  };
}

/**
 * A label map as a file whose place in the world is that of `header`, bit for bit.
 * @param {Uint8Array|Uint16Array} data @param {number[]} shape @param {Uint8Array} header  little-endian
 * @returns {Uint8Array} a `.nii` file
 */
export function write(data, shape, header) {
  const file = new Uint8Array(HEADER + 4 + data.byteLength);
  file.set(header);
  const view = new DataView(file.buffer);
  const wide = data.BYTES_PER_ELEMENT === 2;
  [3, ...shape, 1, 1, 1, 1].forEach((n, at) => view.setInt16(40 + 2 * at, n, true));
  view.setInt16(70, wide ? 512 : 2, true);
  view.setInt16(72, wide ? 16 : 8, true);
  view.setFloat32(108, HEADER + 4, true);
  view.setFloat32(112, 1, true);
  view.setFloat32(116, 0, true);
  [124, 128].forEach((at) => view.setFloat32(at, 0, true));
  file.set([0x6e, 0x2b, 0x31, 0], 344);
  file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), HEADER + 4);
  return file;
}

/** @param {number[]} shape @param {number[]} affine @returns {Uint8Array} a header of its own, with an sform */
export function headerOf(shape, affine) {
  const header = new Uint8Array(HEADER);
  const view = new DataView(header.buffer);
  view.setInt32(0, HEADER, true);
  [3, ...shape, 1, 1, 1, 1].forEach((n, at) => view.setInt16(40 + 2 * at, n, true));
  [1, ...spacingOf(affine), 1, 1, 1, 1].forEach((mm, at) => view.setFloat32(76 + 4 * at, mm, true));
  view.setUint8(123, 2);
  view.setInt16(254, 1, true);
  for (let n = 0; n < 12; n++) view.setFloat32(280 + 4 * n, affine[n], true);
  header.set([0x6e, 0x2b, 0x31, 0], 344);
  return header;
}

/** @param {number[]} affine @returns {number[]} length in mm of one step along i, j, k */
export const spacingOf = (affine) => [0, 1, 2].map((n) => Math.hypot(affine[n], affine[4 + n], affine[8 + n]));

/**
 * Whether two volumes have their voxels in the same places, to a tenth of a voxel.
 * @param {{shape: number[], affine: number[], spacing: number[]}} a @param {{shape: number[], affine: number[]}} b
 */
export function sameGrid(a, b) {
  if (a.shape.some((n, axis) => n !== b.shape[axis])) return false;
  const most = 0.1 * Math.min(...a.spacing);
  const corners = [0, 1, 2, 3].map((n) => a.shape.map((size, axis) => (axis === n ? size - 1 : 0)));
  return corners.every((voxel) => Math.hypot(...[0, 4, 8].map((row) => apart(row, voxel))) < most);

  function apart(row, voxel) {
    const steps = voxel.map((n, axis) => n * (a.affine[row + axis] - b.affine[row + axis]));
    return steps[0] + steps[1] + steps[2] + a.affine[row + 3] - b.affine[row + 3];
  }
}

function affineOf(short, float) {
  if (short(254) > 0) return [...Array.from({ length: 12 }, (_, n) => float(280 + 4 * n)), 0, 0, 0, 1];
  const size = [1, 2, 3].map((n) => float(76 + 4 * n) || 1);
  if (short(252) <= 0) return [size[0], 0, 0, 0, 0, size[1], 0, 0, 0, 0, size[2], 0, 0, 0, 0, 1];
  const [b, c, d] = [256, 260, 264].map(float);
  const a = Math.sqrt(Math.max(0, 1 - b * b - c * c - d * d));
  const [si, sj, sk] = [size[0], size[1], float(76) < 0 ? -size[2] : size[2]];
  return [
    (a * a + b * b - c * c - d * d) * si,
    2 * (b * c - a * d) * sj,
    2 * (b * d + a * c) * sk,
    float(268),
    2 * (b * c + a * d) * si,
    (a * a + c * c - b * b - d * d) * sj,
    2 * (c * d - a * b) * sk,
    float(272),
    2 * (b * d - a * c) * si,
    2 * (c * d + a * b) * sj,
    (a * a + d * d - c * c - b * b) * sk,
    float(276),
    0,
    0,
    0,
    1,
  ];
}

function numbers(file, start, count, Type, little) {
  const size = Type.BYTES_PER_ELEMENT;
  if (little || size === 1)
    return start % size ? new Type(file.slice(start, start + count * size)) : new Type(file, start, count);
  const bytes = new Uint8Array(file.slice(start, start + count * size));
  for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse();
  return new Type(bytes.buffer);
}
