// Files on their way to the server: sent in pieces, looked at, then imported by a job.

import { clear, h } from "../dom.js";
import { words } from "../words.js";
import { choose } from "./choosing.js";
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
  const dataset = await choose(api, upload.upload, found, datasets);
  localStorage.removeItem(known(files));  // only now: until it is imported, or given up, it can be come back to
  return dataset;
}
