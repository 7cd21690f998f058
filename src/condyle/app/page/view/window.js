// From values to grey: presets of window level, and a table of greys a value.

/** Known windows in HU, as the field sets them: low and high end. */
export const PRESETS = { bone: [-450, 1050], soft: [-160, 240], lung: [-1350, 150] };

/**
 * A window from the values themselves: from their 1st to their 99.5th percent, of at most some 200,000 of them.
 * @param {import("./nifti.js").Volume} volume
 * @returns {number[]} low and high
 */
export function autoWindow({ data, slope, intercept }) {
  const step = Math.max(1, Math.floor(data.length / 200_000)) | 1;
  const some = new Float64Array(Math.ceil(data.length / step));
  for (let n = 0, at = 0; at < data.length; n++, at += step) some[n] = data[at] * slope + intercept;
  const finite = some.filter(Number.isFinite).sort();
  if (finite.length === 0) return [0, 1];
  const at = (part) => finite[Math.min(finite.length - 1, Math.floor(part * finite.length))];
  const [low, high] = [at(0.01), at(0.995)];
  return high > low ? [low, high] : [low - 1, low + 1];
}

/** @param {import("./nifti.js").Volume} volume @returns {number[]} smallest and largest value */
export function rangeOf({ data, slope, intercept }) {
  let [low, high] = [Infinity, -Infinity];
  for (let n = 0; n < data.length; n++) {
    if (data[n] < low) low = data[n];
    if (data[n] > high) high = data[n];
  }
  const ends = [low * slope + intercept, high * slope + intercept];
  return ends[0] <= ends[1] ? ends : [ends[1], ends[0]];
}

/** True of scans in HU: something as empty as air, nothing as odd as a pure fraction. @param {number[]} range */
export const looksLikeCt = ([low, high]) => low <= -200 && low >= -9000 && high > 100;

const OPAQUE = 0xff000000;
const grey = (value, low, scale) => {
  const level = Math.max(0, Math.min(255, (value - low) * scale)) | 0;
  return (OPAQUE | (level << 16) | (level << 8) | level) >>> 0;
};

/**
 * How one volume's numbers become pixels (ABGR words) in one window.
 * @param {import("./nifti.js").Volume} volume @param {number[]} window  low and high
 * @returns {(number: number) => number}
 */
export function greyOf({ data, slope, intercept }, [low, high]) {
  const scale = 255 / Math.max(high - low, 1e-9);
  if (!(
    data instanceof Int16Array ||
    data instanceof Uint16Array ||
    data instanceof Uint8Array ||
    data instanceof Int8Array
  )) {
    return (number) => grey(number * slope + intercept, low, scale);
  }
  const table = new Uint32Array(65536);
  const signed = data instanceof Int16Array || data instanceof Int8Array;
  for (let n = 0; n < 65536; n++)
    table[n] = grey((signed && n > 32767 ? n - 65536 : n) * slope + intercept, low, scale);
  return (number) => table[number & 0xffff];
}
