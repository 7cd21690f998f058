// Jobs: asked for, watched, stopped. One poll for the whole page, slower while nothing runs.

import { h } from "../dom.js";
import { words } from "../words.js";
import { complain } from "./toast.js";

const BUSY_MS = 700, IDLE_MS = 4000;
const OPEN = new Set(["queued", "running"]);
const watchers = new Set();
let known = [], timer = null, api = null, looked = false;

export const isOpen = (job) => OPEN.has(job.state);

export function watchJobs(theApi) {
  api = theApi;
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  return look();
}

/** Call back with all jobs whenever they are looked at, and with those that have just ended. */
export function onJobs(callback) {
  watchers.add(callback);
  callback(known, []);
  return () => watchers.delete(callback);
}

export async function look() {
  clearTimeout(timer);
  try {
    const { jobs } = await api.get("/api/jobs");
    const before = new Map(known.map((job) => [job.id, job])), newest = Math.max(0, ...before.keys());
    const unseen = (job) => looked && job.id > newest;  // begun and over between two looks
    const ended = jobs.filter((job) => !isOpen(job) && (before.has(job.id) ? isOpen(before.get(job.id)) : unseen(job)));
    [known, looked] = [jobs, true];
    for (const watcher of [...watchers]) watcher(jobs, ended);
  } catch (error) {
    if (error.status !== 0) complain(error);  // a server that is away is told of by the head
    for (const watcher of [...watchers]) watcher(known, [], error);
  }
  timer = setTimeout(look, known.some(isOpen) && !document.hidden ? BUSY_MS : IDLE_MS);
}

export async function startJob(fields) {
  const { job } = await api.post("/api/jobs", fields);
  await look();
  return job;
}

function left(progress) {
  return progress?.left_s === null || progress?.left_s === undefined ? "" : words.jobs.left(progress.left_s);
}

/** The card of one job. Details that are open stay open when it is drawn again. */
export function jobCard(job, opened = new Set()) {
  const act = (what) => async () => {
    try { await api.post(`/api/jobs/${job.id}/${what}`); await look(); } catch (error) { complain(error); }
  };
  const log = h("details", { open: opened.has(job.id), ontoggle: async (event) => {
    if (!event.target.open) { opened.delete(job.id); return; }
    opened.add(job.id);
    const { lines } = await api.get(`/api/jobs/${job.id}/log`);
    event.target.querySelector("pre").textContent = lines.join("\n") || words.jobs.noLog;
  } }, h("summary", {}, words.jobs.log), h("pre", { tabindex: "0" }));
  const { progress } = job;
  return h("li", { class: "job", dataset: { job: job.id, state: job.state } },
    h("h3", {}, job.title), h("span", { class: `tag ${words.jobs.tone[job.state]}` }, job.stopping ? words.jobs.stopping : words.jobs.state[job.state]),
    job.state === "running" && h("div", { class: "bar" },
      h("progress", progress ? { max: progress.total, value: progress.done, "aria-label": progress.what } : { "aria-label": job.title })),
    h("span", { class: "note" }, job.state === "running"
      ? progress ? `${progress.what}: ${progress.done} / ${progress.total} ${left(progress)}` : words.jobs.begins
      : words.when(job.ended ?? job.created)),
    job.error && h("div", { class: job.state === "done" ? "said" : "error" }, job.error.split("\n").map((text) => h("p", {}, text))),
    h("div", { class: "toolbar" },
      isOpen(job) && h("button", { class: "button small", type: "button", disabled: job.stopping, onclick: act("cancel") }, words.jobs.stop),
      ["cancelled", "lost", "failed"].includes(job.state) && h("button", { class: "button small", type: "button", onclick: act("again") }, words.jobs.goOn)),
    log);
}

/** A list of jobs that is drawn again only where something changed, and keeps the focus where it was. */
export function jobList(root) {
  const opened = new Set(), drawn = new Map();
  return (jobs) => {
    const cards = jobs.map((job) => {
      const text = JSON.stringify(job), old = drawn.get(job.id);
      if (old?.text === text) return old.card;
      const card = jobCard(job, opened);
      const focused = old ? [...old.card.querySelectorAll("button, summary")].indexOf(document.activeElement) : -1;
      drawn.set(job.id, { text, card });
      if (old) old.card.replaceWith(card);
      if (focused >= 0) card.querySelectorAll("button, summary")[focused]?.focus();
      return card;
    });
    const same = cards.length === root.children.length && cards.every((card, n) => card === root.children[n]);
    if (!same) root.replaceChildren(...cards);
  };
}
