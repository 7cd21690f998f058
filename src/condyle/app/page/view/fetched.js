// Volumes from the server.
import { read, spacingOf } from "./nifti.js";

/**
 * @param {object} api @param {string} path
 * @param {{affine: number[][]}} [grid]  the server's, in double precision: better than the file's header
 * @returns {Promise<import("./nifti.js").Volume>}
 */
export async function fetched(api, path, grid) {
  const volume = await read(await (await api.send("GET", path)).arrayBuffer());
  if (!grid) return volume;
  const affine = grid.affine.flat();
  return { ...volume, affine, spacing: spacingOf(affine) };
}
