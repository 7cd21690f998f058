// Heavy tools, away from the page: a message names one of them, the answer is its proposal.
import { between } from "./tools/between.js";
import { growCut } from "./tools/growcut.js";
import { holes, islands } from "./tools/islands.js";
import { bucket, flood, within } from "./tools/region.js";
import { smooth } from "./tools/smooth.js";

/** @type {{data: ArrayLike<number>, slope: number, intercept: number, shape: number[]}} */
let scan;

/** Each takes the labels, the grid and its own settings. */
const TOOLS = {
  flood: (labels, grid, { seed, range, label, through }) => one(flood(scan, seed, range, through), label),
  within: (labels, grid, { range, label }) => one(within(scan, range), label),
  bucket: (labels, grid, { seed, label, through }) => one(bucket(labels, grid.shape, seed, through), label),
  holes: (labels, grid, { label, through }) => one(holes(labels, grid, label, through), label),
  islands: (labels, grid, { label, least_ml }) => one(islands(labels, grid, label, least_ml), 0),
  between: (labels, grid, { label, through }) => background(labels, between(labels, grid, label, through), label),
  smooth: (labels, grid, { label, sigma_mm }) => smooth(labels, grid, label, sigma_mm),
  growCut: (labels, grid, { margin_mm }) => growCut(scan, labels, grid, margin_mm),
};

const one = (indices, values) => ({ indices, values });
const background = (labels, indices, label) =>
  one(
    indices.filter((index) => labels[index] === 0),
    label,
  );

onmessage = ({ data: { id, tool, given } }) => {
  if (tool === "scan") {
    scan = given;
    return;
  }
  try {
    const proposal = TOOLS[tool](given.labels, given.grid, given.settings);
    postMessage({ id, proposal }, [proposal.indices.buffer]);
  } catch (error) {
    postMessage({ id, error: error.message });
  }
};
