// A model, or a threshold, on one or many cases.

import { choice, clear, field, h } from "../dom.js";
import { jobList, onJobs, startJob } from "../parts/jobs.js";
import { empty } from "../parts/problem.js";
import { complain, say } from "../parts/toast.js";
import { words } from "../words.js";

export async function mount(root, api, params) {
  const w = words.segment;
  const [dataset, { models, suggested }] = await Promise.all([api.get(`/api/datasets/${params.dataset}`), api.get("/api/models")]);
  root.append(h("div", { class: "title" }, h("div", {}, h("h1", {}, w.title), h("p", { class: "lead" }, w.lead))));
  if (!dataset.cases.length) {
    root.append(empty(w.emptyTitle, w.emptyText, h("a", { class: "button primary", href: "#/datasets" }, w.toDatasets)));
    return {};
  }
  const ready = models.filter((model) => model.ready);
  const named = (model) => [model.key, model.shipped ? w.shipped(model.name, model.structures.length) : `${model.name} (${model.structures.join(", ")})`];
  const first = ready.filter((model) => model.key === suggested), others = ready.filter((model) => model.key !== suggested);
  const how = choice([...first.map(named), ["", w.fill], ...others.map(named)], params.model ?? suggested ?? "", { id: "how" });
  const threshold = h("input", { type: "number", value: "250", step: "10", required: true, id: "threshold" });
  const parts = h("input", { type: "number", value: "1", min: "0", max: "1000", required: true, id: "parts" });
  const set = h("input", { value: "fill", required: true, pattern: "[A-Za-z0-9_][A-Za-z0-9._\\-]*", maxlength: "60", id: "set" });
  const unsure = h("input", { type: "checkbox", id: "unsure" });
  const filling = [field(w.threshold, threshold, w.thresholdNote), field(w.parts, parts, w.partsNote)];
  const again = h("input", { type: "checkbox", id: "again" });
  const asking = [h("label", { class: "check" }, unsure, w.unsure)];
  const boxes = dataset.cases.map((item) => ({ item, box: h("input", { type: "checkbox", checked: params.case ? item.key === params.case : true, onchange: count }) }));
  const go = h("button", { class: "button primary", type: "submit", id: "go" });
  const chosen = () => boxes.filter(({ box }) => box.checked).map(({ item }) => item.key);

  function count() { clear(go, w.go(chosen().length)); go.disabled = !chosen().length; }
  function adapt() {
    for (const node of filling) node.hidden = Boolean(how.value);
    for (const node of asking) node.hidden = !how.value;
    for (const input of [threshold, parts]) input.disabled = Boolean(how.value);
    set.value = how.value ? ready.find((model) => model.key === how.value).name : "fill";
  }
  how.addEventListener("change", adapt);
  const all = (on) => () => { for (const { box } of boxes) box.checked = on; count(); };

  async function submit(event) {
    event.preventDefault();
    const common = { dataset: dataset.key, label_set: set.value, cases: chosen(), overwrite: again.checked };
    go.disabled = true;
    try {
      await startJob(how.value
        ? { verb: "segment", model: how.value, uncertainty: unsure.checked, ...common }
        : { verb: "fill", threshold: threshold.valueAsNumber, parts: parts.valueAsNumber, ...common });
      say(w.started);
    } catch (error) { complain(error); }
    count();
  }

  const list = h("ul", { class: "plain" }), draw = jobList(list);
  const results = h("section", { class: "stack" }, h("h2", {}, w.results), list, h("p", {}, h("a", { class: "button", href: `#/cases/${dataset.key}` }, w.open)));
  root.append(
    h("form", { class: "stack", onsubmit: submit },
      h("div", { class: "form" }, field(w.how, how, ready.length ? null : w.noModel), field(w.set, set), filling, asking, h("label", { class: "check" }, again, w.again)),
      h("section", { class: "stack" }, h("h2", {}, w.cases),
        h("div", { class: "toolbar" }, h("button", { class: "button small", type: "button", onclick: all(true) }, w.all), h("button", { class: "button small", type: "button", onclick: all(false) }, w.none)),
        h("ul", { class: "plain form" }, boxes.map(({ item, box }) => h("li", {}, h("label", { class: "check" }, box, item.id))))),
      h("div", { class: "toolbar" }, go)),
    results);
  adapt();
  count();
  return { unmount: onJobs((jobs) => {
    const own = jobs.filter((job) => job.place === dataset.key && ["fill", "segment"].includes(job.verb)).slice(0, 8);
    draw(own);
    results.hidden = !own.length;
  }) };
}
