// Label maps of an upload: which scan each belongs to, what the set is called, what its numbers mean.

import { choice, clear, field, h } from "../dom.js";
import { words } from "../words.js";

const SUFFIX = /(\.seg)?\.(nrrd|nhdr|nii|mha|mhd|tiff?|zip)(\.gz)?$/i;
const AS_SCAN = ":scan", SHIFT_MM = 0.05;
const bare = (name) => name.replace(SUFFIX, "").toLowerCase();

/** The scan or case that a label map is named after; the longest name wins. */
export function ownerOf(name, owners) {
  const own = bare(name);
  const fits = owners.filter(({ label }) => own === bare(label) || ["_", "-", "."].some((mark) => own.startsWith(bare(label) + mark)));
  return fits.sort((a, b) => bare(b.label).length - bare(a.label).length)[0] ?? (owners.length === 1 ? owners[0] : null);
}

/** Whether two grids are surely not the same. Axes in another order are no matter; the importer turns them. */
export function elsewhere(mask, scan) {
  if (!scan?.shape || !mask.shape || (scan.orientation && scan.orientation !== mask.orientation)) return false;
  if (mask.shape.some((n, axis) => n !== scan.shape[axis])) return true;
  return Boolean(scan.affine) && mask.affine.flat().some((value, n) => Math.abs(value - scan.affine.flat()[n]) > SHIFT_MM);
}

/**
 * @param {object} api @param {object[]} masks @param {object[]} scans  as the server found them
 * @returns {{any: boolean, element: HTMLElement, adapt: (dataset: string) => Promise<void>, value: () => object}}
 */
export function maskForm(api, masks, scans) {
  const w = words.masks, set = h("input", { value: "reference", required: masks.length > 0, pattern: "[A-Za-z0-9_][A-Za-z0-9._\\-]*", maxlength: "60", id: "mask-set" });
  const resample = h("input", { type: "checkbox", id: "resample" }), meanings = h("div", { class: "form" });
  const rows = masks.map((mask) => ({ mask, note: h("p", { class: "note" }), owner: h("select", { "aria-label": `${w.owner} ${mask.source}`, onchange: () => tell() }) }));
  const ids = [...new Set(masks.flatMap((mask) => Object.keys(mask.ids)))].sort((a, b) => a - b);
  const names = new Map(ids.map((id) => [id, h("input", { required: true, maxlength: "60", pattern: "[^=\\-][^=]*", dataset: { id } })]));
  const own = scans.map((item) => ({ value: item.source, label: item.kind === "series" ? item.description || w.dicom : item.source, item }));
  let owners = [];

  function tell() {
    for (const { mask, owner, note } of rows) {
      const scan = owners.find(({ value }) => value === owner.value)?.item;
      clear(note, elsewhere(mask, scan) ? w.elsewhere : "");
    }
  }
  async function adapt(key) {
    const dataset = key ? await api.get(`/api/datasets/${key}`) : null;
    owners = [...own, ...(dataset?.cases ?? []).map((item) => ({ value: item.key, label: item.id }))];
    for (const { mask, owner } of rows) {
      const options = [...owners.map(({ value, label }) => [value, label]), ["", w.none], ...(key && !scans.length ? [] : [[AS_SCAN, w.asScan]])];
      clear(owner, options.map(([value, text]) => h("option", { value }, text)));
      owner.value = ownerOf(mask.source, owners)?.value ?? "";
    }
    for (const [id, input] of names) {
      const known = dataset?.labels.structures.find((one) => String(one.id) === id)?.name;
      const told = masks.map((mask) => mask.ids[id]).find(Boolean);
      input.value = told || known || w.unnamed(id);
    }
    tell();
  }
  clear(meanings, [...names].map(([id, input]) => field(w.number(id), input)));
  const element = h("section", { class: "stack", hidden: !masks.length, id: "masks" }, h("h3", {}, w.title),
    h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, w.file), h("th", { scope: "col" }, w.owner))),
      h("tbody", {}, rows.map(({ mask, owner, note }) => h("tr", {}, h("th", { scope: "row" }, mask.source), h("td", {}, owner, note)))))),
    h("div", { class: "form" }, field(w.set, set)), meanings,
    h("label", { class: "check" }, resample, w.resample), h("p", { class: "note" }, w.resampleNote));
  const value = () => {
    const taken = rows.filter(({ owner }) => owner.value && owner.value !== AS_SCAN);
    return {
      left_out: rows.filter(({ owner }) => !owner.value).map(({ mask }) => mask.source),
      masks: Object.fromEntries(taken.map(({ mask, owner }) => [mask.source, owner.value])),
      names: taken.length ? Object.fromEntries([...names].map(([id, input]) => [id, input.value.trim()])) : {},
      label_set: set.value, resample: resample.checked,
    };
  };
  return { any: masks.length > 0, element, adapt, value };
}
