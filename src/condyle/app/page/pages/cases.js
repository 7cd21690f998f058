// The cases of a dataset: pictures, label sets, what people said, and what needs eyes first.

import { choice, clear, field, h } from "../dom.js";
import { onJobs, startJob } from "../parts/jobs.js";
import { editLabels } from "../parts/labels.js";
import { empty } from "../parts/problem.js";
import { complain, say } from "../parts/toast.js";
import { setWho, who } from "../parts/who.js";
import { words } from "../words.js";

const ASK_AGAIN_MS = 300;

export async function mount(root, api, params) {
  const w = words.cases, place = h("div", {}), measuring = h("span", { class: "note", role: "status" });
  let dataset = await api.get(`/api/datasets/${params.dataset}`), gone = false;
  const sets = () => [["", w.byName], ...dataset.label_sets.map((name) => [name, `${w.byNeed}: ${name}`])];
  let set = dataset.label_sets.includes(params.set) ? params.set : "";

  const verdict = (item, said) => async () => {
    try {
      await api.put(`/api/datasets/${dataset.key}/cases/${item.key}/verdict`, { verdict: said, who: who() });
      await load();
    } catch (error) { complain(error); }
  };
  const link = (item) => `#/view/${dataset.key}/${item.key}${set ? `?set=${encodeURIComponent(set)}` : ""}`;

  function row(item) {
    const labels = Object.entries(item.label_sets);
    return h("tr", { dataset: { case: item.id } },
      h("td", { class: "shot" }, h("a", { href: link(item), tabindex: "-1", "aria-hidden": "true" }, h("img", { src: item.thumbnail, alt: "", loading: "lazy" }))),
      h("th", { scope: "row" }, h("a", { href: link(item) }, item.id)), !set && h("td", {}, item.group),
      !set && h("td", {}, labels.length ? labels.map(([name, { revision }]) => h("span", { class: "tag" }, name, revision > 1 ? ` · ${w.revision(revision)}` : "")) : h("span", { class: "note" }, w.noLabels)),
      h("td", {}, h("span", { class: `tag ${w.tone[item.verdict]}`, title: item.review.who }, w.verdict[item.verdict]), !set && faults(dataset.findings[item.id])),
      set && h("td", { class: "why" }, lights(item.lights), item.needs?.length ? h("ul", { class: "needs" }, item.needs.slice(0, 3).map((need) => h("li", {}, need.why))) : h("span", { class: "note" }, w.nothing)),
      h("td", {}, h("div", { class: "toolbar" },
        item.verdict !== "accepted" && h("button", { class: "button small", type: "button", "aria-label": `${w.accept} ${item.id}`, onclick: verdict(item, "accepted") }, w.accept),
        item.verdict !== "rejected" && h("button", { class: "button small", type: "button", "aria-label": `${w.reject} ${item.id}`, onclick: verdict(item, "rejected") }, w.reject),
        item.verdict !== "new" && h("button", { class: "button quiet small", type: "button", "aria-label": `${w.reopen} ${item.id}`, onclick: verdict(item, "new") }, w.reopen))));
  }

  // How many structures have which light; the word is told, not its colour alone.
  function lights(told) {
    const all = Object.values(told ?? {});
    return all.length ? h("div", { class: "lights" }, Object.keys(w.lights).map((light) => {
      const count = all.filter((one) => one === light).length;
      return count ? h("span", { class: `tag ${w.lights[light]}` }, `${count} ${light}`) : "";
    })) : "";
  }

  function faults(found) {
    return found && h("ul", { class: "needs" }, found.slice(0, 3).map((one) => h("li", { title: one.advice }, one.why)), found.length > 3 && h("li", {}, w.more(found.length - 3)));
  }

  function draw(cases) {
    if (!cases.length) { clear(place, empty(w.emptyTitle, w.emptyText, h("a", { class: "button primary", href: "#/datasets" }, words.segment.toDatasets))); return; }
    const heads = [h("span", { class: "visually-hidden" }, w.picture), w.id, ...(set ? [] : [w.group, w.sets]), w.status, ...(set ? [w.why] : []), h("span", { class: "visually-hidden" }, w.verdict.new)];
    const common = dataset.findings[""];
    clear(place, common && h("div", { class: "error" }, h("strong", {}, w.faults), common.map((one) => h("p", {}, `${one.why} ${one.advice}`))),
      h("div", { class: "scroll" }, h("table", { id: "cases" },
      h("thead", {}, h("tr", {}, heads.map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, cases.map(row)))));
  }

  async function load() {
    dataset = await api.get(`/api/datasets/${params.dataset}`);
    if (!set) { clear(measuring); draw(dataset.cases); return; }
    const queue = await api.get(`/api/datasets/${params.dataset}/queue?set=${encodeURIComponent(set)}`);
    if (gone) return;
    clear(measuring, queue.measuring ? w.measuring(queue.measuring) : "");
    draw(queue.cases);
    if (queue.measuring) setTimeout(() => { if (!gone) load().catch(complain); }, ASK_AGAIN_MS);
  }

  const order = choice(sets(), set, { id: "order", onchange: () => { set = order.value; load().catch(complain); } });
  const name = h("input", { value: who(), id: "who", autocomplete: "name", maxlength: "80", onchange: () => setWho(name.value) });
  const labels = async () => { try { if (await editLabels(api, dataset.key)) { say(words.labels.saved); await load(); } } catch (error) { complain(error); } };
  const check = async () => { try { await startJob({ verb: "check", dataset: dataset.key }); } catch (error) { complain(error); } };
  root.append(
    h("div", { class: "title" }, h("div", {}, h("h1", {}, dataset.name), h("p", { class: "lead" }, words.datasets.counts({ cases: dataset.cases.length, groups: new Set(dataset.cases.map((c) => c.group)).size }), " ", measuring)),
      h("div", { class: "toolbar" },
        h("button", { class: "button", type: "button", onclick: labels }, w.labels),
        h("button", { class: "button", type: "button", onclick: check }, w.check),
        h("a", { class: "button primary", href: `#/segment/${dataset.key}` }, words.nav.segment))),
    dataset.cases.length ? h("div", { class: "form" }, field(w.order, order), field(w.who, name, w.whoNote)) : "",
    h("section", {}, place));
  await load();
  const stop = onJobs((jobs, ended) => { if (ended.some((job) => job.place === dataset.key)) load().catch(complain); });
  return { unmount() { gone = true; stop(); } };
}
