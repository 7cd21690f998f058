// The editor of a dataset's structures: name, colour, side. Numbers stay.

import { choice, h } from "../dom.js";
import { words } from "../words.js";
import { ask } from "./dialog.js";

const other = { left: "right", right: "left" };

/** Partners are structures of the same name but for the side. */
export function withPartners(structures) {
  const bare = (item) => item.side ? item.name.toLowerCase().replace(item.side, "?") : null;
  return structures.map((item) => {
    const partner = item.side && structures.find((one) => one.side === other[item.side] && bare(one) === bare(item));
    return { ...item, mirror: partner ? partner.name : null };
  });
}

/** Lets the structures of a dataset, as they are now, be edited. Gives whether they were. @param {string} key  the dataset's */
export async function editLabels(api, key) {
  const dataset = await api.get(`/api/datasets/${key}`);
  const w = words.labels, body = h("tbody", {}), rows = [];
  const add = (item) => {
    const name = h("input", { value: item.name, required: true, maxlength: "60", "aria-label": `${w.name} ${item.id}` });
    const color = h("input", { type: "color", value: item.color, "aria-label": `${w.color} ${item.id}` });
    const side = choice([["", w.noSide], ["left", w.left], ["right", w.right]], item.side ?? "", { "aria-label": `${w.side} ${item.id}` });
    rows.push(() => ({ id: item.id, name: name.value.trim(), color: color.value, side: side.value || null }));
    body.append(h("tr", {}, h("td", { class: "number" }, String(item.id)), h("td", {}, name), h("td", {}, color), h("td", {}, side)));
    return name;
  };
  dataset.labels.structures.forEach(add);
  const free = () => Math.max(0, dataset.labels.ignore ?? 0, ...rows.map((row) => row().id)) + 1;
  const content = h("div", {}, h("p", { class: "note" }, dataset.labels.structures.length ? w.note : w.empty),
    h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, [w.id, w.name, w.color, w.side].map((text) => h("th", { scope: "col" }, text)))), body)),
    h("p", {}, h("button", { class: "button small", type: "button", onclick: () => add({ id: free(), name: "", color: "#e69f00", side: null }).focus() }, w.add)));
  const save = async (structures) => {
    const body = JSON.stringify({ ...dataset.labels, structures: withPartners(structures) });
    const headers = { "Content-Type": "application/json", "If-Match": `"${dataset.labels_mark}"` };
    await api.send("PUT", `/api/datasets/${key}/labels`, { body, headers });
    return true;
  };
  return Boolean(await ask(w.title, content, { yes: w.save, value: () => rows.map((row) => row()), act: save }));
}
