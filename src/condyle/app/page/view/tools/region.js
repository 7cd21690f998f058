// Connected regions: voxels joined by faces, in a slice or in all three directions.
import { Indices, placeOf, stepsOf } from "./grid.js";

/**
 * All voxels that `wanted` takes and that a path of faces joins to the seed.
 * @param {number[]} shape @param {number} seed  index
 * @param {(index: number) => boolean} wanted
 * @param {number|null} through  stay in the slice across this voxel axis
 * @param {Uint8Array} [seen]  one a voxel: 1 is never entered; what is found becomes 1
 * @returns {Uint32Array} empty where the seed is not wanted
 */
export function connected(shape, seed, wanted, through = null, seen = new Uint8Array(shape[0] * shape[1] * shape[2])) {
  const steps = stepsOf(shape);
  const axes = [0, 1, 2].filter((axis) => axis !== through);
  const [found, stack] = [new Indices(), new Indices()];
  const enter = (index) => {
    if (seen[index] || !wanted(index)) return;
    seen[index] = 1;
    found.push(index);
    stack.push(index);
  };
  enter(seed);
  while (stack.length) {
    const index = stack.pop();
    const place = placeOf(shape, index);
    for (const axis of axes) {
      if (place[axis] > 0) enter(index - steps[axis]);
      if (place[axis] < shape[axis] - 1) enter(index + steps[axis]);
    }
  }
  return found.done();
}

/**
 * Flood: what is connected to the seed and within a range of values, over any label.
 * @param {{data: ArrayLike<number>, slope: number, intercept: number, shape: number[]}} scan
 * @param {number} seed @param {number[]} range  low and high, both taken @param {number|null} through
 * @returns {Uint32Array}
 */
export function flood({ data, slope, intercept, shape }, seed, [low, high], through = null) {
  const wanted = (index) => {
    const value = data[index] * slope + intercept;
    return value >= low && value <= high;
  };
  return connected(shape, seed, wanted, through);
}

/** Fill, as a paint bucket: the region of one label around the seed. */
export const bucket = (labels, shape, seed, through) =>
  connected(shape, seed, (index) => labels[index] === labels[seed], through);

/**
 * Every voxel within a range of values.
 * @param {{data: ArrayLike<number>, slope: number, intercept: number}} scan @param {number[]} range
 * @returns {Uint32Array}
 */
export function within({ data, slope, intercept }, [low, high]) {
  const found = new Indices();
  for (let index = 0; index < data.length; index++) {
    const value = data[index] * slope + intercept;
    if (value >= low && value <= high) found.push(index);
  }
  return found.done();
}
