// Binary STL files of the app: their heads say in which world their points lie.

/**
 * A file in RAS mm: one in LPS is turned by half a turn about the head's axis, which leaves its facets facing outward.
 * @param {ArrayBuffer} bytes  changed in place @returns {ArrayBuffer}
 */
export function toRas(bytes) {
  if (!new TextDecoder("latin1").decode(bytes.slice(0, 80)).includes("SPACE=LPS")) return bytes;
  const view = new DataView(bytes);
  for (let at = 84; at + 50 <= bytes.byteLength; at += 50) {
    for (let n = 0; n < 12; n++) if (n % 3 < 2) view.setFloat32(at + 4 * n, -view.getFloat32(at + 4 * n, true), true);
  }
  return bytes;
}
