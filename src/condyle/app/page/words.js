// Every English sentence of the app, in one place. The viewer's are its own part.

import { words as view } from "./view/words.js";

const many = (count, one, more = `${one}s`) => `${count} ${count === 1 ? one : more}`;

function time(seconds) {
  if (seconds < 90) return many(Math.max(1, Math.round(seconds)), "second");
  if (seconds < 5400) return many(Math.round(seconds / 60), "minute");
  return `${(seconds / 3600).toFixed(1)} hours`;
}

export const words = {
  view,
  many,
  time,
  name: "Condyle",
  skip: "Skip to the content",
  ok: "OK", cancel: "Cancel", again: "Try again", close: "Close", next: "Next", back: "Back",
  loading: "Loading ...",
  unsaved: "There are changes that are not saved. Leave this page?",
  when: (seconds) => new Date(seconds * 1000).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" }),
  number: (value, digits = 3) => value === null || value === undefined ? "–" : value.toFixed(digits),
  nav: {
    label: "Pages", datasets: "Datasets", cases: "Cases", view: "View and correct", segment: "Segment", train: "Train",
    results: "Results", jobs: "Jobs", running: (count) => many(count, "job"),
  },
  errors: {
    title: "That did not work.",
    unknown: "The server gave no answer that makes sense. Try again.",
    offline: "The server cannot be reached. Is condyle serve still running? Jobs go on; start it again and reload.",
    away: "The server is away. Jobs go on; start condyle serve again.",
    noDataset: "Choose a dataset first.",
  },
  datasets: {
    title: "Datasets", lead: "Scans with their label maps. Everything stays on this machine.",
    make: "New dataset", drop: "Drop a scan here",
    emptyTitle: "No dataset yet",
    emptyText: "Drop a DICOM folder, a zip, NIfTI or NRRD files here, or choose them. A dataset is made of them, and nothing leaves this machine.",
    files: "Choose files", folder: "Choose a folder",
    counts: (d) => `${many(d.cases, "case")}, ${many(d.groups, "patient or donor", "patients or donors")}`,
    structures: (count) => many(count, "structure"),
    fault: "This dataset cannot be opened",
    zip: "Download all as zip",
  },
  upload: {
    title: "Bring in scans", sending: (sent, total) => `${sent} of ${total} MB have arrived`, looking: "Looking at what came ...",
    found: "Found", series: "Series", images: "Images", size: "Voxels", spacing: "Spacing, mm", faults: "Faults",
    none: "Nothing that can be read as a scan.", fine: "none", choose: "Bring in", unnamed: "unnamed series",
    into: "Into", fresh: "a new dataset", named: "Name of the dataset", namedNote: "Letters, digits, - and _; not a patient's name.",
    called: "Name of the case", calledNote: "Not a patient's name. A number follows if it is taken.",
    channel: "Kind of image", tilt: "Straighten gantry tilt", go: "Import",
    wait: "The scans are being imported. You can leave this page; the job goes on.",
    kindScan: "scan", kindLabels: "label map", labelsNote: "Label maps are not imported as scans. Import them with the command line: condyle import DATASET --label-set NAME=FOLDER.",
  },
  cases: {
    title: "Cases", choose: "Dataset", picture: "Picture", id: "Case", group: "Patient or donor", sets: "Label sets", status: "Status", why: "Why look here",
    open: (id) => `View ${id}`, first: "What needs eyes first", order: "Order", byNeed: "What needs eyes first", byName: "By name",
    set: "Label set", emptyTitle: "This dataset has no cases", emptyText: "Drop scans on the page of datasets and choose this dataset.",
    noLabels: "No label map yet. Segment makes one.", revision: (n) => n > 1 ? `revision ${n}` : "",
    accept: "Accept", reject: "Reject", reopen: "Look again", correct: "Correct",
    verdict: { new: "not looked at", accepted: "accepted", corrected: "corrected", rejected: "rejected" },
    tone: { new: "", accepted: "ok", corrected: "on", rejected: "alert" },
    check: "Look for faults", measuring: (n) => `Measuring, ${many(n, "case")} left`, nothing: "nothing stands out",
    labels: "Edit labels", who: "Your name", whoNote: "It stands beside what you correct and accept.",
  },
  labels: {
    title: "Labels", name: "Name", color: "Colour", side: "Side", left: "left", right: "right", noSide: "none", id: "Number", add: "Add a structure", save: "Save",
    note: "Numbers stand in the label maps and stay. Left and right partners are found by their names.",
    empty: "No structure yet. Add one, or let Segment make it.", saved: "The labels are saved.",
  },
  segment: {
    title: "Segment", lead: "Make a label set with a trained model, or mask bone by a threshold.",
    how: "With", fill: "fill: bone by a threshold, no training", threshold: "Threshold, HU", thresholdNote: "Values at or above it are bone.", parts: "Separate bones to keep", partsNote: "0 keeps all.",
    set: "Name of the label set", cases: "Cases", all: "All", none: "None", unsure: "Also tell where the model is unsure",
    go: (n) => `Segment ${many(n, "case")}`, noModel: "There is no model yet. Train makes one; fill needs none.", started: "It is in the queue.",
    emptyTitle: "Nothing to segment", emptyText: "Bring in scans first.", toDatasets: "To the datasets", results: "Newest results", open: "Look at the cases",
  },
  train: {
    ready: "ready", title: "Train", lead: "A model learns from a label set, and is tested on patients it has not seen.",
    set: "Learn from", recipe: "Recipe", recipeNote: "quick is made for computers without a graphics card.", fold: "Test on", foldOne: (n) => `fold ${n}`, foldCv: "every fold in turn", foldAll: "nothing: learn from all",
    minutes: "Minutes", minutesNote: "Empty: as long as the recipe says.", name: "Name of the model", start: "Begin with", scratch: "random weights", go: "Train",
    models: "Models", emptyTitle: "Nothing to learn from", emptyText: "Training needs a label set with at least two patients. Segment or correct some cases first.",
    noModels: "No model yet. Start a training above; its curves appear here while it runs.",
    loss: "Loss", dice: "Dice on patches of held-out cases", rate: "Learning rate", memory: "Memory, GiB", training: "training", validation: "validation", mean: "mean", ram: "main memory", vram: "graphics card",
    epochs: (n) => many(n, "epoch"), none: "No epoch is over yet.", stop: "Stop", resume: "Go on", validated: "On held-out cases", structure: "Structure", installed: "installed", foldTitle: (f) => `Fold ${f}`,
    epoch: "Epoch", use: "Segment with it",
  },
  results: {
    title: "Results", lead: "How good masks are, which of two is better, and the bones as meshes.",
    score: "Score", compare: "Compare", judged: "Judge", truth: "by", sets: "Label sets", reference: "Judge by", noReference: "nothing: hold them against each other",
    scores: "Scores and comparisons", page: "Open the report", none: "Nothing yet. Score or compare label sets above.",
    structure: "Structure", cases: "Cases", dice: "Dice", assd: "Mean distance, mm", hd95: "95 % distance, mm", volume: "Volume error, %",
    meshes: "Meshes", mesh: "Make meshes", case: "Case", set: "Label set", noMeshes: "No mesh of this label map yet.", old: "The mask was changed since; make them again.",
    sound: "sound", unsound: "wants attention", passport: "Passport", volumeMl: "Volume, ml", triangles: "Triangles", open3d: "Turn it in 3D",
    masks: "Masks", nifti: "NIfTI", seg: ".seg.nrrd", all: "Whole dataset as zip", nnunet: "Export for nnU-Net",
    emptyTitle: "No results yet", emptyText: "Results need label sets. Segment some cases first.", two: "This needs two label sets.",
  },
  jobs: {
    title: "Jobs", lead: "What takes long. It goes on when this page, or the server, is closed.",
    emptyTitle: "No job yet", emptyText: "Import, segment, train or compare, and it appears here.",
    state: { queued: "waiting", running: "running", done: "done", attention: "done, look at it", failed: "failed", cancelled: "stopped", lost: "lost" },
    tone: { queued: "", running: "on", done: "ok", attention: "alert", failed: "alert", cancelled: "", lost: "alert" },
    stopping: "stopping", stop: "Stop", goOn: "Go on", log: "Log", noLog: "It has said nothing.", begins: "begins ...",
    left: (seconds) => `(${time(seconds)} left)`,
    ended: (job) => `${job.title}: ${{ done: "done", attention: "done, look at it", failed: "failed", cancelled: "stopped", lost: "lost" }[job.state]}.`,
  },
};
