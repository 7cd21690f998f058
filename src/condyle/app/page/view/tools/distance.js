// Exact distances to the edge of a mask in a slice, after Felzenszwalb and Huttenlocher,
// "Distance transforms of sampled functions", Theory of Computing 8 (2012).

const FAR = 1e12;

/**
 * Signed distance of each pixel to the outline, half-way between in and out: positive inside.
 * @param {Uint8Array} mask  row by row @param {number} width @param {number} height @param {number[]} mm  pixel size
 * @returns {Float64Array} mm
 */
export function signedDistance(mask, width, height, mm) {
  const toOut = squared(mask, width, height, mm, 0);
  const toIn = squared(mask, width, height, mm, 1);
  const half = Math.sqrt(mm[0] * mm[1]) / 2;
  return Float64Array.from(mask, (inside, n) => (inside ? Math.sqrt(toOut[n]) - half : half - Math.sqrt(toIn[n])));
}

/** Squared distance in mm to the nearest pixel whose mask is `target`. */
function squared(mask, width, height, mm, target) {
  const field = Float64Array.from(mask, (value) => (value === target ? 0 : FAR));
  const line = new Float64Array(Math.max(width, height));
  for (let y = 0; y < height; y++) lower(field, y * width, 1, width, mm[0], line);
  for (let x = 0; x < width; x++) lower(field, x, width, height, mm[1], line);
  return field;
}

/** Replaces one line by the lower envelope of the parabolas that stand on its values. */
function lower(field, start, step, count, mm, line) {
  const roots = new Int32Array(count);
  const from = new Float64Array(count + 1);
  for (let n = 0; n < count; n++) line[n] = field[start + n * step];
  let top = 0;
  from[0] = -Infinity;
  from[1] = Infinity;
  for (let n = 1; n < count; n++) {
    let meet = crossing(n, roots[top]);
    while (meet <= from[top]) meet = crossing(n, roots[--top]);
    roots[++top] = n;
    from[top] = meet;
    from[top + 1] = Infinity;
  }
  for (let n = 0, at = 0; n < count; n++) {
    while (from[at + 1] < n) at++;
    field[start + n * step] = ((n - roots[at]) * mm) ** 2 + line[roots[at]];
  }

  function crossing(a, b) {
    return (line[a] - line[b] + mm * mm * (a * a - b * b)) / (2 * mm * mm * (a - b));
  }
}
