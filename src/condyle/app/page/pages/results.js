// Scores, comparisons, meshes and files to take away.

import { choice, clear, field, h } from "../dom.js";
import { onJobs, startJob } from "../parts/jobs.js";
import { empty } from "../parts/problem.js";
import { complain, say } from "../parts/toast.js";
import { words } from "../words.js";

const start = (fields) => async () => { try { await startJob(fields()); say(words.segment.started); } catch (error) { complain(error); } };

function result(item) {
  const w = words.results, page = item.files["report.html"] ?? item.files["compare.html"];
  const table = item.table?.length && h("div", { class: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, w.structure), [w.cases, w.dice, w.assd, w.hd95, w.volume].map((text) => h("th", { class: "number", scope: "col" }, text)))),
    h("tbody", {}, item.table.map((row) => h("tr", {}, h("th", { scope: "row" }, row.structure), h("td", { class: "number" }, String(row.cases)),
      [["dice", 3], ["assd_mm", 2], ["hd95_mm", 2], ["volume_error_percent", 1]].map(([key, digits]) => h("td", { class: "number" }, words.number(row[key], digits))))))));
  return h("article", { class: "card stack", dataset: { result: item.name } }, h("h3", {}, item.name), h("p", { class: "note" }, words.when(item.when)),
    item.findings && h("ul", {}, item.findings.map((text) => h("li", {}, text))), table,
    h("div", { class: "toolbar" }, page && h("a", { class: "button small", href: page, target: "_blank", rel: "noopener" }, w.page),
      Object.entries(item.files).filter(([name]) => !name.endsWith(".html")).map(([name, url]) => h("a", { class: "button quiet small", href: url, download: name }, name))));
}

function meshTable(meshes, view) {
  const w = words.results;
  if (!meshes.length) return h("p", { class: "note" }, w.noMeshes);
  const sound = (checks) => Object.values(checks ?? {}).every((passed) => passed !== false);
  return h("div", { class: "stack" }, meshes.some((mesh) => !mesh.current) && h("div", { class: "error" }, h("p", {}, w.old)),
    h("div", { class: "scroll" }, h("table", { id: "meshes" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, w.structure), h("th", { scope: "col", class: "number" }, w.volumeMl), h("th", { scope: "col", class: "number" }, w.triangles), h("th", { scope: "col" }, w.passport), h("th", { scope: "col" }, h("span", { class: "visually-hidden" }, words.results.masks)))),
      h("tbody", {}, meshes.map(({ structure, color, passport, files }) => {
        const swatch = h("span", { class: "swatch" });
        swatch.style.background = color;
        return h("tr", {}, h("th", { scope: "row" }, swatch, structure),
          h("td", { class: "number" }, words.number(passport.volume_ml, 2)), h("td", { class: "number" }, String(passport.triangles ?? "")),
          h("td", {}, h("details", {}, h("summary", {}, h("span", { class: `tag ${sound(passport.checks) ? "ok" : "alert"}` }, sound(passport.checks) ? w.sound : w.unsound)), h("pre", { tabindex: "0" }, JSON.stringify(passport, null, 1)))),
          h("td", {}, Object.entries(files).map(([format, url]) => [h("a", { class: "button small", href: url, download: "" }, format.toUpperCase()), " "])));
      })))), h("a", { class: "button", href: view }, w.open3d));
}

export async function mount(root, api, params) {
  const w = words.results;
  let dataset = await api.get(`/api/datasets/${params.dataset}`);
  const sets = dataset.label_sets.map((name) => [name, name]);
  root.append(h("div", { class: "title" }, h("div", {}, h("h1", {}, w.title), h("p", { class: "lead" }, w.lead)),
    h("div", { class: "toolbar" }, h("a", { class: "button", href: `/api/datasets/${dataset.key}/zip`, download: "" }, w.all))));
  if (!sets.length) {
    root.append(empty(w.emptyTitle, w.emptyText, h("a", { class: "button primary", href: `#/segment/${dataset.key}` }, words.nav.segment)));
    return {};
  }
  const two = sets.length > 1;
  const judged = choice(sets, sets[0][0], { id: "judged" }), truth = choice(sets, sets[sets.length - 1][0], { id: "truth" });
  const a = choice(sets, sets[0][0], { id: "a", "aria-label": `${w.sets} 1` }), b = choice(sets, sets[1]?.[0], { id: "b", "aria-label": `${w.sets} 2` });
  const reference = choice([["", w.noReference], ...sets], "", { id: "reference" });
  const scores = h("div", { class: "stack" }), meshes = h("div", {});
  const which = choice(dataset.cases.map((item) => [item.key, item.id]), params.case ?? "", { id: "case", onchange: () => { sets_(); drawMeshes().catch(complain); } });
  const set = choice([], "", { id: "mesh-set", onchange: () => drawMeshes().catch(complain) });
  const masks = h("div", { class: "toolbar" });
  const sets_ = () => {
    const item = dataset.cases.find((one) => one.key === which.value);
    clear(set, Object.keys(item.label_sets).map((name) => h("option", { value: name }, name)));
  };
  const base = () => `/api/datasets/${dataset.key}/cases/${which.value}`;

  async function drawScores() {
    const { results } = await api.get("/api/results");
    clear(scores, results.length ? results.map(result) : h("p", { class: "note" }, w.none));
  }
  async function drawMeshes() {
    if (!set.value) { clear(meshes, h("p", { class: "note" }, words.cases.noLabels)); clear(masks); return; }
    const told = await api.get(`${base()}/meshes/${set.value}`);
    clear(meshes, meshTable(told.meshes, `#/view/${dataset.key}/${which.value}?set=${encodeURIComponent(set.value)}`));
    const url = `${base()}/labels/${set.value}`;
    clear(masks, h("button", { class: "button primary", type: "button", id: "make-meshes", onclick: start(() => ({ verb: "mesh", dataset: dataset.key, case: which.value, label_set: set.value })) }, w.mesh),
      h("a", { class: "button", href: `${url}/nii.gz`, download: "" }, w.nifti), h("a", { class: "button", href: `${url}/seg.nrrd`, download: "" }, w.seg),
      h("button", { class: "button", type: "button", onclick: start(() => ({ verb: "export", dataset: dataset.key, label_set: set.value })) }, w.nnunet),
      dataset.exported && h("a", { class: "button", id: "nnunet", href: `/api/datasets/${dataset.key}/nnunet`, download: "" }, w.nnunetZip));
  }
  root.append(
    h("section", { class: "stack" }, h("h2", {}, w.scores),
      two ? h("div", { class: "form wider" },
        h("div", { class: "card stack" }, h("h3", {}, w.score), field(w.judged, judged), field(w.truth, truth), h("button", { class: "button primary", type: "button", id: "score", onclick: start(() => ({ verb: "evaluate", dataset: dataset.key, label_set: judged.value, reference: truth.value })) }, w.score)),
        h("div", { class: "card stack" }, h("h3", {}, w.compare), field(w.sets, h("div", { class: "toolbar" }, a, b)), field(w.reference, reference), h("button", { class: "button", type: "button", id: "compare", onclick: start(() => ({ verb: "compare", dataset: dataset.key, label_sets: [a.value, b.value], reference: reference.value })) }, w.compare)))
        : h("p", { class: "note" }, w.two), scores),
    h("section", { class: "stack" }, h("h2", {}, w.meshes), h("div", { class: "form" }, field(w.case, which), field(w.set, set)), masks, meshes));
  sets_();
  await Promise.all([drawScores(), drawMeshes()]);
  const renew = async () => {
    dataset = await api.get(`/api/datasets/${params.dataset}`);
    await Promise.all([drawScores(), drawMeshes()]);
  };
  const stop = onJobs((jobs, ended) => { if (ended.length) renew().catch(complain); });
  return { unmount: stop };
}
