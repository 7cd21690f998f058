// The shell: head, addresses, pages. A page is a module with `mount(root, api, params)`.

import { api } from "./api.js";
import { clear, h } from "./dom.js";
import { isOpen, onJobs, watchJobs } from "./parts/jobs.js";
import { problem } from "./parts/problem.js";
import { say } from "./parts/toast.js";
import { words } from "./words.js";

const PAGES = {
  datasets: () => import("./pages/datasets.js"),
  cases: () => import("./pages/cases.js"),
  view: () => import("./view/view.js"),
  segment: () => import("./pages/segment.js"),
  train: () => import("./pages/train.js"),
  results: () => import("./pages/results.js"),
  jobs: () => import("./pages/jobs.js"),
};
const WIDE = new Set(["view"]);
const ABOUT_A_DATASET = ["cases", "segment", "train", "results"];

const main = document.getElementById("main");
let mounted = null, here = null;

/** `#/view/<dataset>/<case>?set=...` as `{ page, dataset, case, set }`. */
export function parsed(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [page = "", dataset, case_] = path.split("/").map(decodeURIComponent);
  return { page: page in PAGES ? page : "datasets", params: { dataset, case: case_, ...Object.fromEntries(new URLSearchParams(query)) } };
}

const head = document.getElementById("head");
const nav = h("nav", { "aria-label": words.nav.label });
const busy = h("a", { class: "tag on busy", href: "#/jobs", hidden: true });
clear(head,
  h("a", { class: "brand", href: "#/datasets" }, h("img", { src: "/favicon.ico", alt: "" }), h("span", {}, words.name)), nav, busy);
clear(document.getElementById("skip"), words.skip);
document.getElementById("skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });

function drawNav() {
  const { page, params } = here;
  const dataset = params.dataset ?? sessionStorage.getItem("dataset");
  const links = [["datasets", "#/datasets"], ...(dataset ? ABOUT_A_DATASET.map((name) => [name, `#/${name}/${dataset}`]) : []), ["jobs", "#/jobs"]];
  if (page === "view") links.splice(2, 0, ["view", location.hash]);
  clear(nav, links.map(([name, href]) => h("a", { href, "aria-current": name === page ? "page" : null }, words.nav[name])));
}

async function go() {
  const next = parsed(location.hash);
  if (mounted?.mayLeave && !mounted.mayLeave() && !confirm(words.unsaved)) {
    history.replaceState(null, "", here.hash);
    return;
  }
  mounted?.unmount?.();
  mounted = null;
  here = { ...next, hash: location.hash || "#/datasets" };
  const { page, params } = next;
  if (params.dataset) sessionStorage.setItem("dataset", params.dataset);
  drawNav();
  document.title = `${words.nav[page]} – ${words.name}`;
  const root = h("div", { class: WIDE.has(page) ? "wide" : "page" });
  clear(main, root);
  try {
    const module = await PAGES[page]();
    if (here.page !== page || main.firstChild !== root) return;
    mounted = await module.mount(root, api, params);
  } catch (error) {
    clear(root, problem(error, go));
  }
}

addEventListener("hashchange", go);
addEventListener("beforeunload", (event) => { if (mounted?.mayLeave && !mounted.mayLeave()) event.preventDefault(); });
go();
watchJobs(api);
onJobs((jobs, ended, error) => {
  const count = jobs.filter(isOpen).length;
  busy.hidden = !count && !error;
  clear(busy, error ? words.errors.away : words.nav.running(count));
  busy.classList.toggle("alert", Boolean(error));
  for (const job of ended) say(words.jobs.ended(job));
});
