// Label maps: from a file's numbers to whole ids, as small as they can be kept, and back into a file.
import { headerOf, packed, write } from "./nifti.js";
import { words } from "./words.js";

/**
 * @param {import("./nifti.js").Volume} volume  numbers of any type
 * @param {{id: number}[]} structures  whose ids must fit too
 * @returns {Uint8Array|Uint16Array} 8 bits where every id is below 256, else 16
 * @throws {RangeError} where a number is no id: a fraction, negative, or above 65535
 */
export function asLabels({ data, slope, intercept }, structures) {
  let most = structures.reduce((id, one) => Math.max(id, one.id), 0);
  const plain = slope === 1 && intercept === 0;
  for (let n = 0; n < data.length; n++) {
    const id = plain ? data[n] : data[n] * slope + intercept;
    if (id > most) most = id;
    if (id < 0 || id > 65535 || id !== Math.floor(id))
      throw new RangeError(words.files.id(id));
  }
  const ids = most > 255 ? new Uint16Array(data.length) : new Uint8Array(data.length);
  if (plain) ids.set(data);
  else for (let n = 0; n < data.length; n++) ids[n] = data[n] * slope + intercept;
  return ids;
}

/** @param {{id: number}[]} structures @param {number} count  voxels @returns {Uint8Array|Uint16Array} nothing labelled yet */
export const noLabels = (structures, count) =>
  structures.some(({ id }) => id > 255) ? new Uint16Array(count) : new Uint8Array(count);

/** @param {Uint8Array|Uint16Array} labels @returns {number[]} the ids that occur, ascending, without background */
export function idsIn(labels) {
  const seen = new Uint8Array(65536);
  for (let n = 0; n < labels.length; n++) seen[labels[n]] = 1;
  return [...seen.keys()].filter((id) => id && seen[id]);
}

/**
 * @param {Uint8Array|Uint16Array} labels @param {import("./nifti.js").Volume} scan @param {Uint8Array|null} header  of the file
 *     the labels came from: its place in the world is kept bit for bit
 * @returns {Promise<Blob>} `.nii.gz`
 */
export const asFile = (labels, scan, header) =>
  packed(write(labels, scan.shape, header ?? headerOf(scan.shape, scan.affine)));
