// Train a model, and watch it learn.

import { choice, clear, field, h } from "../dom.js";
import { isOpen, jobCard, onJobs, startJob } from "../parts/jobs.js";
import { linePlot } from "../parts/plot.js";
import { empty } from "../parts/problem.js";
import { complain, say } from "../parts/toast.js";
import { words } from "../words.js";

const LOOK_MS = 2500;

/** The plots of one fold. */
export function curves(told) {
  const w = words.train, at = { xLabel: w.epoch };
  if (!told.epochs) return h("p", { class: "note" }, w.none);
  const x = told.epoch;
  const structures = Object.entries(told.dice).map(([name, y]) => ({ name, y }));
  return h("div", { class: "plots" },
    linePlot(w.loss, x, [{ name: w.training, y: told.loss }, { name: w.validation, y: told.val_loss }], { ...at, low: Math.min(0, ...told.loss, ...told.val_loss.filter((v) => v !== null)) }),
    linePlot(w.dice, x, [...structures.slice(0, 5), { name: w.mean, y: told.mean_dice }], { ...at, low: 0, high: 1 }),
    linePlot(w.rate, x, [{ name: w.rate, y: told.rate }], at),
    linePlot(w.memory, x, [{ name: w.ram, y: told.ram_gib }, { name: w.vram, y: told.vram_gib.some((v) => v) ? told.vram_gib : [null] }], at));
}

function validated(validation) {
  const w = words.train, rows = Object.entries(validation);
  if (!rows.length) return null;
  return h("div", { class: "scroll" }, h("table", {},
    h("caption", { class: "visually-hidden" }, w.validated),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, w.structure), [words.results.dice, words.results.assd, words.results.hd95, words.results.volume].map((text) => h("th", { class: "number", scope: "col" }, text)))),
    h("tbody", {}, rows.map(([name, of]) => h("tr", {}, h("th", { scope: "row" }, name), [["dice", 3], ["assd_mm", 2], ["hd95_mm", 2], ["volume_error_percent", 1]].map(([key, digits]) => h("td", { class: "number" }, words.number(of[key], digits))))))));
}

/** Holds a trained model against what there was before: a model, or a label set. */
function contest(api, dataset, model, models) {
  const w = words.train, reference = dataset.label_sets.includes(model.label_set) ? model.label_set : dataset.label_sets[0];
  const rivals = [
    ...models.filter((one) => one.ready && one.key !== model.key).map((one) => [`against ${one.key}`, w.model(one.name)]),
    ...dataset.label_sets.filter((name) => name !== reference && name !== `${model.name}-held-out`).map((name) => [`against_set ${name}`, w.labelSet(name)])];
  if (!rivals.length || !Object.keys(model.validation ?? {}).length) return null;
  const began = models.find((one) => one.name === model.start);
  const rival = choice(rivals, began ? `against ${began.key}` : rivals[0][0], { id: `rival-${model.key}` });
  const go = async () => {
    const [kind, which] = rival.value.split(" ");
    try {
      await startJob({ verb: "contest", dataset: dataset.key, model: model.key, reference, [kind]: which });
      say(w.contestStarted);
    } catch (error) { complain(error); }
  };
  return h("div", { class: "stack contest" }, h("div", { class: "toolbar" }, field(w.against, rival), h("button", { class: "button", type: "button", onclick: go }, w.contest),
    h("a", { class: "button quiet", href: `#/results/${dataset.key}` }, w.report)), h("p", { class: "note" }, w.contestNote));
}

export async function mount(root, api, params) {
  const w = words.train;
  const [dataset, known] = await Promise.all([api.get(`/api/datasets/${params.dataset}`), api.get("/api/models")]);
  root.append(h("div", { class: "title" }, h("div", {}, h("h1", {}, w.title), h("p", { class: "lead" }, w.lead))));
  const groups = new Set(dataset.cases.filter((item) => Object.keys(item.label_sets).length).map((item) => item.group)).size;
  if (groups < 2) {
    root.append(empty(w.emptyTitle, w.emptyText, h("a", { class: "button primary", href: `#/segment/${dataset.key}` }, words.nav.segment)));
  } else {
    root.append(form(api, dataset, known, (models) => { known.models = models; }));
  }
  const place = h("div", { class: "stack" }), opened = new Set(), shown = new Map();
  root.append(h("section", {}, h("h2", {}, w.models), place));
  const nothing = h("p", { class: "note" }, w.noModels);
  let jobs = [], timer = null, gone = false;

  async function drawModel(model) {
    let card = shown.get(model.key);
    if (!card) {
      card = { state: h("div", { class: "stack" }), plots: h("div", { class: "stack" }), text: "" };
      card.node = h("article", { class: "card", dataset: { model: model.name } }, h("h3", {}, model.name), card.state, card.plots);
      shown.set(model.key, card);
    }
    const job = jobs.find((one) => one.verb === "train" && one.asked.name === model.name);
    const told = model.trainings.length ? await api.get(`/api/models/${model.key}/history`) : { folds_history: {} };
    const text = JSON.stringify([model, job, told]);
    if (text === card.text) return card.node;
    card.text = text;
    clear(card.state, h("p", {}, model.ready && h("span", { class: "tag ok" }, w.ready), model.own ? "" : h("span", { class: "tag" }, w.installed),
      h("span", { class: "note" }, model.structures.join(", "))),
      job && h("ul", { class: "plain" }, jobCard(job, opened)),
      model.ready && h("div", {}, h("a", { class: "button small", href: `#/segment/${dataset.key}?model=${model.key}` }, w.use)),
      model.ready && contest(api, dataset, model, known.models));
    const folds = Object.entries(told.folds_history);
    clear(card.plots, validated(model.validation ?? {}), folds.map(([fold, of]) => h("div", {}, folds.length > 1 && h("h3", {}, w.foldTitle(fold)), curves(of))));
    return card.node;
  }

  async function draw() {
    clearTimeout(timer);
    if (gone) return;
    known.models = (await api.get("/api/models")).models;
    const models = known.models.filter((model) => !model.shipped);
    const waiting = jobs.filter((job) => job.verb === "train" && (isOpen(job) || job.state === "failed") && !models.some((model) => model.name === job.asked.name));
    const nodes = [...(waiting.length ? [h("ul", { class: "plain" }, waiting.map((job) => jobCard(job, opened)))] : [])];
    for (const model of models) nodes.push(await drawModel(model));
    if (gone) return;
    if (!nodes.length) nodes.push(nothing);
    const same = nodes.length === place.children.length && nodes.every((node, n) => node === place.children[n]);
    if (!same) clear(place, nodes);
    if (jobs.some((job) => job.verb === "train" && isOpen(job))) timer = setTimeout(() => draw().catch(complain), LOOK_MS);
  }
  const stop = onJobs((all, ended) => {
    const open = (list) => list.filter((job) => job.verb === "train").map((job) => `${job.id} ${job.state} ${job.stopping}`).join();
    const changed = open(all) !== open(jobs) || ended.length;
    jobs = all;
    if (changed) draw().catch(complain);
  });
  await draw();
  return { unmount() { gone = true; clearTimeout(timer); stop(); } };
}

function form(api, dataset, known) {
  const w = words.train;
  const set = choice(dataset.label_sets.map((name) => [name, name]), "", { id: "set" });
  const recipe = choice(known.recipes.map((name) => [name, name]), "quick", { id: "recipe" });
  const fold = choice([...[0, 1, 2, 3, 4].map((n) => [String(n), w.foldOne(n)]), ["cv", w.foldCv], ["all", w.foldAll]], "0", { id: "fold" });
  const minutes = h("input", { type: "number", min: "0.1", step: "any", id: "minutes" });
  const name = h("input", { required: true, value: `${dataset.name}-1`.replace(/[^A-Za-z0-9._-]/g, "_"), pattern: "[A-Za-z0-9_][A-Za-z0-9._\\-]*", maxlength: "60", id: "name" });
  const start = choice([["", w.scratch], ...known.models.filter((model) => model.ready).map((model) => [model.key, model.name])], "", { id: "start" });
  const go = h("button", { class: "button primary", type: "submit", id: "go" }, w.go);
  return h("form", { class: "stack", onsubmit: async (event) => {
    event.preventDefault();
    go.disabled = true;
    try {
      await startJob({ verb: "train", dataset: dataset.key, label_set: set.value, recipe: recipe.value, fold: fold.value, minutes: minutes.value ? minutes.valueAsNumber : null, name: name.value, start: start.value });
    } catch (error) { complain(error); }
    go.disabled = false;
  } }, h("div", { class: "form" }, field(w.set, set), field(w.recipe, recipe, w.recipeNote), field(w.fold, fold), field(w.minutes, minutes, w.minutesNote), field(w.start, start), field(w.name, name)),
  h("div", { class: "toolbar" }, go));
}
