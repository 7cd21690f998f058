// All jobs, the newest first.

import { clear, h } from "../dom.js";
import { jobList, onJobs } from "../parts/jobs.js";
import { empty } from "../parts/problem.js";
import { words } from "../words.js";

export function mount(root) {
  const list = h("ul", { class: "plain" }), place = h("div", {}, list), draw = jobList(list);
  root.append(h("div", { class: "title" }, h("div", {}, h("h1", {}, words.jobs.title), h("p", { class: "lead" }, words.jobs.lead))), place);
  const nothing = empty(words.jobs.emptyTitle, words.jobs.emptyText, h("a", { class: "button", href: "#/datasets" }, words.segment.toDatasets));
  const stop = onJobs((jobs) => {
    draw(jobs);
    const shown = jobs.length ? list : nothing;
    if (place.firstChild !== shown) clear(place, shown);
  });
  return { unmount: stop };
}
