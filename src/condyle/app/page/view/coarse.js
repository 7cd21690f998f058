// What the 3D picture is made of: every n-th voxel of the scan, as files that NiiVue reads.
import { headerOf, write } from "./nifti.js";

/** Most voxels an axis: finer than this is not seen in the pane, and slow without a graphics card. */
const MOST = 160;

/**
 * @param {{shape: number[], affine: number[]}} scan
 * @returns {{shape: number[], affine: number[], pick: Uint32Array}} a coarser grid, and the index of each of its voxels in the scan
 */
export function coarse({ shape, affine }) {
  const step = Math.max(1, Math.ceil(Math.max(...shape) / MOST));
  const size = shape.map((n) => Math.ceil(n / step));
  const pick = new Uint32Array(size[0] * size[1] * size[2]);
  let at = 0;
  for (let k = 0; k < shape[2]; k += step) {
    for (let j = 0; j < shape[1]; j += step) {
      for (let i = 0; i < shape[0]; i += step) pick[at++] = i + shape[0] * (j + shape[1] * k);
    }
  }
  return { shape: size, affine: affine.map((value, n) => (n % 4 < 3 && n < 12 ? value * step : value)), pick };
}

/** @param {Float32Array} values @param {number[]} shape @param {number[]} affine @returns {ArrayBuffer} a NIfTI file of floats */
export function floatFile(values, shape, affine) {
  const head = write(new Uint8Array(0), shape, headerOf(shape, affine));
  const file = new Uint8Array(head.length + values.byteLength);
  file.set(head);
  file.set(new Uint8Array(values.buffer), head.length);
  new DataView(file.buffer).setInt16(70, 16, true);
  new DataView(file.buffer).setInt16(72, 32, true);
  return file.buffer;
}
