// One slice as pixels. Every function fills `pixels` (ABGR words, row by row from the top of the screen).

/** @typedef {import("./planes.js").Plane} Plane */

/** What a voxel of two label maps is: fixed colours, told apart by people who see no red or green. */
export const ERRORS = { missed: [77, 163, 255], false: [255, 159, 28], agreed: [0, 178, 128], other: [250, 224, 60] };
export const TRUTH = [46, 224, 107];
export const PREDICTION = [255, 59, 48];
/** What lies within a range of values: a colour that no usual structure has. */
export const ISO = [255, 92, 214];

/** @param {number[]} rgb @param {number} opacity 0 to 1 @returns {number} ABGR */
export const word = ([r, g, b], opacity = 1) => ((Math.round(opacity * 255) << 24) | (b << 16) | (g << 8) | r) >>> 0;

/** @param {ArrayLike<number>} data @param {Plane} plane @param {number} slice @param {Uint32Array} pixels @param {(number: number) => number} color */
export function paint(data, plane, slice, pixels, color) {
  const { width, height, steps } = plane;
  const first = plane.start + slice * steps[2];
  for (let y = 0, at = 0; y < height; y++) {
    let index = first + y * steps[1];
    for (let x = 0; x < width; x++, index += steps[0]) pixels[at++] = color(data[index]);
  }
}

/**
 * What two label maps say of one voxel: 0 both background, 1 missed (truth alone), 2 false (prediction alone),
 * 3 agreed, 4 both, but another structure each.
 */
const kindOf = (truth, predicted) =>
  truth === predicted ? (truth ? 3 : 0) : truth === 0 ? 2 : predicted === 0 ? 1 : 4;

/**
 * The error map of one slice.
 * @param {ArrayLike<number>} truth @param {ArrayLike<number>} predicted @param {Plane} plane @param {number} slice
 * @param {Uint32Array} pixels @param {number} opacity
 * @returns {number[]} voxels of kind 0, 1, 2, 3, 4
 */
export function paintErrors(truth, predicted, plane, slice, pixels, opacity) {
  const colors = [
    0,
    word(ERRORS.missed, opacity),
    word(ERRORS.false, opacity),
    word(ERRORS.agreed, opacity * 0.4),
    word(ERRORS.other, opacity),
  ];
  const counts = [0, 0, 0, 0, 0];
  const { width, height, steps } = plane;
  const first = plane.start + slice * steps[2];
  for (let y = 0, at = 0; y < height; y++) {
    let index = first + y * steps[1];
    for (let x = 0; x < width; x++, index += steps[0]) {
      const kind = kindOf(truth[index], predicted[index]);
      counts[kind] += 1;
      pixels[at++] = colors[kind];
    }
  }
  return counts;
}
