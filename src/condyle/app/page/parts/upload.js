// Files on their way to the server: sent in pieces, looked at, then imported by a job.

import { choice, clear, field, h } from "../dom.js";
import { words } from "../words.js";
import { ask } from "./dialog.js";
import { look } from "./jobs.js";
import { problem } from "./problem.js";

const PIECE = 16 << 20, AT_ONCE = 4, MB = 1e6;

/** All files of a drop, those in folders too. */
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  const files = [];
  const walk = async (entry) => {
    if (entry.isFile) { files.push(await new Promise((ok, no) => entry.file(ok, no))); return; }
    const reader = entry.createReader();
    for (let some; (some = await new Promise((ok, no) => reader.readEntries(ok, no))).length;) for (const one of some) await walk(one);
  };
  for (const entry of entries) await walk(entry);
  return files;
}

const known = (files) => `upload ${files.length} ${files.reduce((sum, file) => sum + file.size, 0)}`;

/** The upload of these files: one that broke off if there is one, else a new one. */
async function begun(api, files) {
  const before = localStorage.getItem(known(files));
  if (before) {
    try {
      const upload = await api.get(`/api/uploads/${before}`);
      if (upload.files.every((told, n) => told.name === files[n].name && told.bytes === files[n].size)) return upload;
    } catch { localStorage.removeItem(known(files)); }
  }
  const upload = await api.post("/api/uploads", { files: files.map((file) => ({ name: file.name, bytes: file.size })) });
  localStorage.setItem(known(files), upload.upload);
  return upload;
}

async function sendAll(api, upload, files, signal, told) {
  const arrived = upload.files.map((file) => file.arrived);
  const tell = () => told(arrived.reduce((sum, bytes) => sum + bytes, 0));
  let next = 0;
  const one = async () => {
    while (next < files.length) {
      const n = next++, file = files[n];
      do {
        const piece = file.slice(arrived[n], arrived[n] + PIECE);
        const answer = await api.send("PUT", `/api/uploads/${upload.upload}/${n}?at=${arrived[n]}`, { body: piece, signal });
        arrived[n] = (await answer.json()).bytes;
        tell();
      } while (arrived[n] < file.size);
    }
  };
  tell();
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

/** Send files, let the user choose what to import, and start the job. Gives the dataset's key, or null. */
export async function bringIn(api, files, datasets) {
  files = files.filter((file) => !file.name.startsWith("."));
  const w = words.upload, total = files.reduce((sum, file) => sum + file.size, 0);
  const bar = h("progress", { max: Math.max(total, 1), value: 0, "aria-label": w.title }), state = h("p", { class: "note", role: "status" });
  const stop = new AbortController();
  const body = h("div", {}, bar, state);
  const dialog = h("dialog", { "aria-labelledby": "upload-title", oncancel: () => stop.abort() },
    h("h2", { id: "upload-title" }, w.title), body,
    h("div", { class: "toolbar" }, h("button", { class: "button", type: "button", onclick: () => { stop.abort(); dialog.close(); } }, words.cancel)));
  document.body.append(dialog);
  dialog.showModal();
  let upload, found;
  try {
    upload = await begun(api, files);
    await sendAll(api, upload, files, stop.signal, (sent) => {
      bar.value = sent;
      clear(state, w.sending((sent / MB).toFixed(1), (total / MB).toFixed(1)));
    });
    clear(body, h("progress", { "aria-label": w.looking }), h("p", { class: "note", role: "status" }, w.looking));
    found = (await (await api.send("POST", `/api/uploads/${upload.upload}/look`, { signal: stop.signal })).json()).found;
  } catch (error) {
    if (error.name !== "AbortError") { clear(body, problem(error)); await new Promise((ok) => dialog.addEventListener("close", ok)); }
    dialog.remove();
    return null;
  }
  dialog.remove();
  localStorage.removeItem(known(files));
  return chosen(api, upload.upload, found, datasets);
}

async function chosen(api, upload, found, datasets) {
  const w = words.upload;
  const usable = (item) => (item.kind === "series" || item.kind === "scan") && (!item.faults.length || item.tilt_deg);
  const rows = found.map((item) => ({ item, box: h("input", { type: "checkbox", checked: usable(item), disabled: !usable(item) || item.kind !== "series", "aria-label": w.choose }) }));
  const target = choice([["", w.fresh], ...datasets.filter((d) => !d.fault).map((d) => [d.key, d.name])], "", { id: "target" });
  const name = h("input", { id: "new-name", required: true, pattern: "[A-Za-z0-9_][A-Za-z0-9._\\-]*", maxlength: "60", value: "scans" });
  const channel = choice(["CT", "MR", "T1", "T2", "PD", "image"].map((c) => [c, c]), found.some((f) => f.modality === "MR") ? "MR" : "CT", { id: "channel" });
  const called = h("input", { id: "case-name", required: true, pattern: "[A-Za-z0-9_][A-Za-z0-9._\\-]*", maxlength: "60", value: "scan" });
  const dicom = found.some((item) => item.kind === "series");
  if (!dicom) called.required = false;
  const tilt = h("input", { type: "checkbox" });
  const fresh = h("div", { class: "form" }, field(w.named, name, w.namedNote), field(w.channel, channel));
  target.addEventListener("change", () => { fresh.hidden = Boolean(target.value); name.required = !target.value; });
  const table = h("div", { class: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, ["", w.series, w.images, w.size, w.spacing, w.faults].map((text) => h("th", { scope: "col" }, text || h("span", { class: "visually-hidden" }, w.choose))))),
    h("tbody", {}, rows.map(({ item, box }) => h("tr", {}, h("td", {}, box),
      h("th", { scope: "row" }, item.kind === "series" ? item.description || w.unnamed : item.source, " ", h("span", { class: "tag" }, item.modality ?? (item.kind === "labels" ? w.kindLabels : w.kindScan))),
      h("td", {}, item.images ?? ""), h("td", {}, item.shape?.join(" × ") ?? ""), h("td", {}, item.spacing_mm?.map((x) => Number(x).toPrecision(3)).join(" × ") ?? ""),
      h("td", {}, item.faults.length ? h("ul", { class: "needs" }, item.faults.map((fault) => h("li", {}, fault))) : w.fine))))));
  const any = found.some(usable);
  const content = h("div", {}, found.length ? table : h("p", {}, w.none),
    found.some((item) => item.kind === "labels") && h("p", { class: "note" }, w.labelsNote),
    any && h("section", { class: "stack" }, h("div", { class: "form" }, field(w.into, target), dicom && field(w.called, called, w.calledNote)), fresh,
      found.some((item) => item.tilt_deg) && h("label", { class: "check" }, tilt, w.tilt)));
  const yes = await ask(w.title, content, any ? { yes: w.go } : { yes: words.close, no: null, value: () => null });
  if (!yes) { await api.remove(`/api/uploads/${upload}`); return null; }
  const all = rows.filter(({ item }) => item.kind === "series"), picked = all.filter(({ box }) => box.checked);
  const series = picked.length === all.length ? [] : picked.map(({ item }) => item.uid || item.key);  // none named: all there are
  const fields = target.value ? { dataset: target.value } : { name: name.value, channel: channel.value };
  const { dataset } = await api.post(`/api/uploads/${upload}/import`, { ...fields, series, case: called.value, fix_tilt: tilt.checked });
  await look();
  return dataset;
}
