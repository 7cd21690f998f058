// What came in an upload: which of it is imported, into which dataset, under which names.

import { choice, field, h } from "../dom.js";
import { words } from "../words.js";
import { ask } from "./dialog.js";
import { look } from "./jobs.js";
import { maskForm } from "./masks.js";

const NAME = "[A-Za-z0-9_][A-Za-z0-9._\\-]*";
const usable = (item) => ["series", "scan"].includes(item.kind) && (!item.faults.length || item.tilt_deg);

const numbers = (values) => values?.map((x) => Number(Number(x).toPrecision(3))).join(" × ") ?? "";

function row({ item, box }) {
  const w = words.upload;
  const kind = item.modality ?? (item.kind === "scan" ? w.kindScan : w.kindUnknown);
  return h("tr", {}, h("td", {}, box),
    h("th", { scope: "row" }, item.kind === "series" ? item.description || w.unnamed : item.source, " ", h("span", { class: "tag" }, kind)),
    h("td", {}, item.images ?? ""), h("td", {}, numbers(item.shape)), h("td", {}, numbers(item.spacing_mm)),
    h("td", {}, item.faults.length ? h("ul", { class: "needs" }, item.faults.map((fault) => h("li", {}, fault))) : w.fine));
}

function scanTable(rows) {
  const w = words.upload, heads = [h("span", { class: "visually-hidden" }, w.choose), w.series, w.images, w.size, w.spacing, w.faults];
  return h("div", { class: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, heads.map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, rows.map(row))));
}

/** What is not taken of each source: whole files, or some series of a folder. */
function picked(rows) {
  const left_out = [], series = {};
  for (const source of new Set(rows.map(({ item }) => item.source))) {
    const own = rows.filter(({ item }) => item.source === source), taken = own.filter(({ box }) => box.checked);
    if (!taken.length) left_out.push(source);
    else if (taken.length < own.length) for (const { item } of taken) series[item.uid || item.key] = source;
  }
  return { left_out, series };
}

/** A name that no folder has yet; some systems take upper and lower case for the same. */
function freeName(wanted, datasets) {
  const taken = new Set(datasets.map((dataset) => dataset.folder.toLowerCase()));
  for (let name = wanted, n = 2; ; name = `${wanted}-${n++}`) if (!taken.has(name)) return name;
}

/** Let the user choose, and start the job. Gives the dataset's key, or null. */
export async function choose(api, upload, found, datasets) {
  const w = words.upload;
  const rows = found.filter((item) => item.kind !== "labels").map((item) => ({ item,
    box: h("input", { type: "checkbox", checked: usable(item), disabled: !usable(item), "aria-label": `${w.choose} ${item.description || item.source}` }) }));
  const scans = rows.map(({ item }) => item).filter(usable), dicom = scans.some((item) => item.source === "dicom");
  const known = datasets.filter((d) => !d.fault), masks = maskForm(api, found.filter((item) => item.kind === "labels"), scans);
  const target = choice([...(scans.length ? [["", w.fresh]] : []), ...known.map((d) => [d.key, d.name])], "", { id: "target" });
  const name = h("input", { id: "new-name", required: true, pattern: NAME, maxlength: "60", value: freeName("scans", datasets) });
  const channel = choice(["CT", "MR", "T1", "T2", "PD", "image"].map((c) => [c, c]), found.some((f) => f.modality === "MR") ? "MR" : "CT", { id: "channel" });
  const called = h("input", { id: "case-name", required: dicom, pattern: NAME, maxlength: "60", value: "scan" });
  const tilt = h("input", { type: "checkbox" });
  const fresh = h("div", { class: "form" }, field(w.named, name, w.namedNote), field(w.channel, channel));
  // A field that is hidden is switched off as well: one that cannot be seen cannot be put right.
  const adapt = () => { fresh.hidden = name.disabled = Boolean(target.value); return masks.adapt(target.value); };
  target.addEventListener("change", adapt);
  await adapt();
  const any = target.options.length > 0 && (scans.length || masks.any);
  const content = h("div", {}, rows.length ? scanTable(rows) : !masks.any && h("p", {}, w.none),
    any && h("section", { class: "stack" }, h("div", { class: "form" }, field(w.into, target), dicom && field(w.called, called, w.calledNote)), fresh,
      found.some((item) => item.tilt_deg) && h("label", { class: "check" }, tilt, w.tilt)),
    any ? masks.element : masks.any && h("p", { class: "error" }, w.noScan));
  const bring = () => {
    const { left_out, series } = picked(rows), told = masks.value();
    const into = target.value ? { dataset: target.value } : { name: name.value, channel: channel.value };
    return api.post(`/api/uploads/${upload}/import`,
      { ...into, ...told, series, case: called.value, fix_tilt: tilt.checked, left_out: [...left_out, ...told.left_out] });
  };
  const job = await ask(w.title, content, any ? { yes: w.go, act: bring } : { yes: words.close, no: null, value: () => null });
  if (!job) { await api.remove(`/api/uploads/${upload}`); return null; }
  const { dataset } = job;
  await look();
  return dataset;
}
