// One case on the page: puts the parts together, loads the scan coarse and then whole, and the label sets.
import { h } from "../dom.js";
import { onJobs, startJob } from "../parts/jobs.js";
import { caseBar } from "./casebar.js";
import { author, Saving } from "./saving.js";
import { banner } from "./banner.js";
import { display } from "./display.js";
import { fetched } from "./fetched.js";
import { Hand } from "./hand.js";
import { help } from "./help.js";
import { keyboard } from "./keys.js";
import { options } from "./options.js";
import { painter } from "./painter.js";
import { readout } from "./readout.js";
import { revisions } from "./revisions.js";
import { scenePane } from "./scenepane.js";
import { Session } from "./session.js";
import { Sets } from "./sets.js";
import { stage } from "./stage.js";
import { structures } from "./structures.js";
import { toolbar } from "./toolbar.js";
import { words } from "./words.js";

/**
 * @param {HTMLElement} root @param {object} api @param {Record<string, string>} params
 * @param {(error: Error) => void} complain
 */
export async function opened(root, api, params, complain) {
  const path = `/api/datasets/${params.dataset}/cases/${params.case}`;
  const [dataset, case_] = await Promise.all([api.get(`/api/datasets/${params.dataset}`), api.get(path)]);
  const names = Object.keys(case_.label_sets);
  const channel = params.channel ?? case_.channels[0] ?? dataset.channels[0];

  let [gone, loaded] = [false, false];
  const session = new Session();
  session.channel = channel;
  session.structures = colored(dataset);
  session.active = session.structures[0]?.id ?? 1;
  const hand = new Hand(session, (text) => told.note(text), complain);
  const saving = new Saving(session, api, path);

  session.setScan(await fetched(api, `${path}/image/${channel}?coarse=1`));
  session.begin();

  const draw = painter(() => {
    three.draw();
    told.update();
  });
  const redraw = () => draw.soon();
  const dialog = help();
  const alert = banner();
  const pane3 = scenePane(session, api, (name) => three.enlarge(name));
  const three = stage(session, hand, redraw, pane3.element);
  const told = readout(session);
  const past = revisions((revision) => sets.restore(revision));
  const showHelp = () => dialog.showModal();
  const parts = {
    bar: caseBar(session, saving, case_, names, {
      choose: (set) => sets.choose(set),
      save: () => sets.save(),
      judge,
      go,
      help: showHelp,
    }),
    tools: toolbar(session),
    options: options(session, hand, fill),
    structures: structures(session),
    display: display(session, names, (name) => sets.compare(name)),
  };
  const element = h(
    "div",
    { class: "view" },
    parts.bar.element,
    alert.element,
    h(
      "div",
      { class: "view-body" },
      parts.tools.element,
      three.element,
      h(
        "aside",
        { class: "view-side" },
        parts.structures.element,
        parts.options.element,
        parts.display.element,
        past.element,
      ),
    ),
    told.element,
    dialog,
  );
  root.append(element);
  const sets = new Sets({
    api,
    path,
    names,
    session,
    saving,
    root: element,
    alert,
    note: told.note,
    past: past.show,
    shown: beside,
    complain,
  });

  const update = () => {
    for (const part of Object.values(parts)) part.update();
  };
  session.addEventListener("change", ({ detail }) => {
    if (!["cursor", "labels", "measures"].includes(detail)) update();
    if (["labels", "look", "scan"].includes(detail)) pane3.scene.soon();
    redraw();
  });
  saving.addEventListener("state", () => parts.bar.update());
  saving.addEventListener("trouble", ({ detail }) =>
    detail.status === 409 ? alert.show(words.otherTab) : complain(detail),
  );
  const silence = keyboard(root, {
    session,
    hand,
    pane: three.focused,
    redraw,
    save: () => sets.save(),
    help: showHelp,
    enlarge: three.enlarge,
    close: () => hand.stop(),
  });
  const unwatch = onJobs((jobs, ended) => {
    if (ended.some((job) => job.place === params.dataset)) renew().catch(complain);
  });
  const leave = () => {
    if (document.visibilityState === "hidden") saving.keep();
  };
  document.addEventListener("visibilitychange", leave);
  update();
  redraw();
  told.note(words.coarse);
  const ready = whole().catch((error) => {
    alert.show(error.message);
    throw error;
  });
  ready.catch(() => {});

  async function whole() {
    const scan = await fetched(api, `${path}/image/${channel}`, case_.grid);
    session.setScan(scan);
    told.note("");
    if (params.set || names.length) await sets.choose(params.set || names[0]);
    if (params.other) await sets.compare(params.other);
    if (params.tool) session.set("tool", { name: params.tool });
    loaded = true;
    if (!gone) await pane3.start();
  }

  /** What a job made of this dataset is taken over. */
  async function renew() {
    if (gone || !loaded) return;
    session.structures = colored(await api.get(`/api/datasets/${params.dataset}`));
    session.tell("look");
    if (await sets.renew()) for (const part of [parts.bar, parts.display]) part.offer(sets.names);
    await beside();
  }

  async function judge(verdict) {
    try {
      const { verdict: now } = await api.put(`${path}/verdict`, { verdict, who: author() });
      parts.bar.judged(now);
    } catch (error) {
      complain(error);
    }
  }

  /** What lies beside the voxels of the label set that is shown: the verdict on its case, and its surfaces. */
  async function beside() {
    const one = saving.loaded;
    const none = { meshes: [] };
    const [{ verdict }, { meshes }] = await Promise.all([
      api.get(path),
      one.base === null ? none : api.get(`${path}/meshes/${encodeURIComponent(one.set)}`).catch(() => none),
    ]);
    if (gone || saving.loaded !== one) return;
    parts.bar.judged(verdict);
    pane3.offer(
      meshes.length > 0,
      meshes.some(({ current }) => current),
    );
    await pane3.scene.setMeshes(
      meshes
        .filter(({ files }) => files.stl)
        .map(({ structure, color, files }) => ({ structure, color: rgbOf(color), url: files.stl })),
    );
  }

  /** Makes a mask of this case with the `fill` of the command line, as a job. */
  async function fill(threshold) {
    try {
      await startJob({
        verb: "fill",
        dataset: params.dataset,
        cases: [params.case],
        label_set: "fill",
        threshold,
        overwrite: true,
      });
      told.note(words.filling);
    } catch (error) {
      complain(error);
    }
  }

  function go(key) {
    location.hash = `#/view/${params.dataset}/${key}?set=${encodeURIComponent(saving.set)}`;
  }

  function close() {
    gone = true;
    unwatch();
    document.removeEventListener("visibilitychange", leave);
    silence();
    saving.close();
    hand.close();
    three.close();
    pane3.scene.close();
    element.remove();
  }

  return { session, hand, saving, panes: three.panes, scene: pane3.scene, draw, ready, close };
}

/** The structures of a dataset, with their colours as numbers. */
const colored = ({ labels }) => labels.structures.map((one) => ({ ...one, color: rgbOf(one.color) }));

const rgbOf = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
