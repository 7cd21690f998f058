// The datasets there are, and a place to drop scans for a new one.

import { clear, h } from "../dom.js";
import { bringIn, dropped } from "../parts/upload.js";
import { onJobs } from "../parts/jobs.js";
import { empty } from "../parts/problem.js";
import { complain, say } from "../parts/toast.js";
import { words } from "../words.js";

function card(dataset) {
  const w = words.datasets;
  if (dataset.fault) {
    return h("li", {}, h("div", { class: "card" }, h("h2", {}, dataset.name), h("div", { class: "error" }, h("strong", {}, w.fault), h("p", {}, dataset.fault))));
  }
  return h("li", {}, h("a", { class: "card dataset", href: `#/cases/${dataset.key}`, dataset: { name: dataset.name } },
    h("div", { class: "shot" }, dataset.thumbnail && h("img", { src: dataset.thumbnail, alt: "", loading: "lazy" })),
    h("div", { class: "text" }, h("h2", {}, dataset.name), h("p", {}, w.counts(dataset)),
      h("p", { class: "note" }, dataset.channels.join(", "), dataset.structures ? `, ${w.structures(dataset.structures)}` : ""),
      h("p", {}, dataset.label_sets.map((name) => h("span", { class: "tag" }, name))))));
}

export async function mount(root, api) {
  const w = words.datasets;
  const files = h("input", { type: "file", multiple: true, class: "visually-hidden", tabindex: "-1", "aria-hidden": "true", id: "files",
    onchange: (event) => start([...event.target.files]) });
  const folder = h("input", { type: "file", webkitdirectory: true, class: "visually-hidden", tabindex: "-1", "aria-hidden": "true", id: "folder",
    onchange: (event) => start([...event.target.files]) });
  const choose = () => [
    h("button", { class: "button primary", type: "button", onclick: () => files.click() }, w.files), " ",
    h("button", { class: "button", type: "button", onclick: () => folder.click() }, w.folder)];
  const place = h("div", { class: "drop" });
  let datasets = [];

  async function load() {
    ({ datasets } = await api.get("/api/datasets"));
    clear(place, datasets.length ? [h("ul", { class: "cards" }, datasets.map(card)), h("section", {}, again())] : empty(w.emptyTitle, w.emptyText, choose()));
  }
  const again = () => h("div", { class: "empty drop" }, h("h2", {}, w.drop), h("p", {}, w.emptyText), choose());
  async function start(list) {
    if (!list.length) { say(words.upload.empty); return; }
    try {
      const dataset = await bringIn(api, list, datasets);
      if (dataset) location.hash = "#/jobs";
    } catch (error) { complain(error); }
    files.value = folder.value = "";
  }

  const over = (on) => (event) => { event.preventDefault(); root.querySelector(".empty")?.classList.toggle("over", on); };
  const drop = async (event) => { over(false)(event); try { await start(await dropped(event.dataTransfer)); } catch (error) { complain(error); } };
  const listeners = { dragover: over(true), dragleave: over(false), drop };
  for (const [name, listener] of Object.entries(listeners)) addEventListener(name, listener);
  root.append(h("div", { class: "title" }, h("div", {}, h("h1", {}, w.title), h("p", { class: "lead" }, w.lead))), place, files, folder);
  const stop = onJobs((jobs, ended) => { if (ended.length) load().catch(complain); });
  await load();
  return { unmount() { stop(); for (const [name, listener] of Object.entries(listeners)) removeEventListener(name, listener); } };
}
