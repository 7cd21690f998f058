// The 3D picture, drawn by NiiVue: the labels as bodies, the scan as a cloud, meshes from the server.
import { coarse, floatFile } from "./coarse.js";
import { idsIn } from "./labelmap.js";
import { headerOf, write } from "./nifti.js";
import { toRas } from "./stl.js";

/** Milliseconds of quiet after a change before the labels are taken over. */
const PAUSE = 700;

const SCRIPT = new URL("../vendor/niivue/niivue.umd.js", import.meta.url);

/** @type {Promise<any>|null} */
let library = null;

/** NiiVue, fetched on first need. @returns {Promise<any>} */
function niivue() {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = SCRIPT.href;
    script.onload = () => resolve(globalThis.niivue);
    script.onerror = () => reject(new Error(`${SCRIPT.pathname} could not be loaded`));
    document.head.append(script);
  });
  return library;
}

export class Scene {
  #nv = null;

  #library = null;

  #timer = 0;

  #scan = null;

  #shown = "";

  /** Counts the lists of meshes that were given. */
  #turn = 0;

  /** @type {Uint32Array} voxels of the scan that are shown */ #pick;

  /** What is to be seen. */
  parts = { labels: true, scan: false, meshes: true };

  /** @type {{url: string, color: number[], structure: string}[]} */ meshes = [];

  /** @param {import("./session.js").Session} session @param {HTMLCanvasElement} canvas @param {object} api */
  constructor(session, canvas, api) {
    [this.session, this.canvas, this.api] = [session, canvas, api];
  }

  /** NiiVue itself, for tests and the console; null until it was started. */
  get view() {
    return this.#nv;
  }

  /** @throws {Error} where the browser has no WebGL 2 */
  async start() {
    if (this.#nv) return;
    if (!document.createElement("canvas").getContext("webgl2")) throw new Error("no WebGL 2");
    this.#library = await niivue();
    const nv = new this.#library.Niivue({
      backColor: [0, 0, 0, 1],
      show3Dcrosshair: false,
      dragAndDropEnabled: false,
      isOrientCube: false,
      logLevel: "error",
      loadingText: "",
      isColorbar: false,
      meshThicknessOn2D: 0,
      isRadiologicalConvention: true,
    });
    await nv.attachToCanvas(this.canvas, false);
    nv.setSliceType(nv.sliceTypeRender);
    nv.setRenderAzimuthElevation(160, 12);
    this.#nv = nv;
    await this.#renew();
    await this.setMeshes(this.meshes);
  }

  /** Takes changes over, a moment after the last one. */
  soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#renew(), PAUSE);
  }

  /** @param {Partial<Scene["parts"]>} parts */
  async show(parts) {
    Object.assign(this.parts, parts);
    await this.#renew();
  }

  /** Turns the picture. @param {number} right @param {number} up degrees */
  turn(right, up) {
    const { renderAzimuth, renderElevation } = this.#nv.scene;
    this.#nv.setRenderAzimuthElevation(renderAzimuth + right, renderElevation + up);
  }

  /** @param {Scene["meshes"]} meshes  STL files of the server, in RAS or LPS mm as their heads say */
  async setMeshes(meshes) {
    this.meshes = meshes;
    const turn = ++this.#turn;
    if (!this.#nv) return;
    for (const mesh of [...this.#nv.meshes]) this.#nv.removeMesh(mesh);
    for (const mesh of meshes) await this.#addMesh(mesh, turn);
  }

  close() {
    clearTimeout(this.#timer);
    this.#nv?.cleanup?.();
    this.#nv?.gl?.getExtension("WEBGL_lose_context")?.loseContext();
    this.#nv = null;
  }

  async #renew() {
    const { session, parts } = this;
    const key = `${session.version} ${parts.labels} ${parts.scan} ${[...session.hidden]}`;
    if (!this.#nv || !session.scan || (this.#scan === session.scan && key === this.#shown)) return;
    this.#shown = key;
    if (this.#scan !== session.scan) await this.#reload();
    const nv = this.#nv;
    const overlay = nv.volumes[1];
    const { ids, data } = this.#labels();
    overlay.img.set(data);
    overlay.setColormapLabel(tableOf(session, ids));
    nv.setOpacity(0, parts.scan ? 1 : 0);
    nv.setOpacity(1, parts.labels ? 1 : 0);
    for (const mesh of nv.meshes) mesh.visible = parts.meshes;
    nv.updateGLVolume();
  }

  /** Puts scan and labels in afresh: the grid is another. */
  async #reload() {
    const nv = this.#nv;
    const { scan, look } = this.session;
    while (nv.volumes.length) nv.removeVolume(nv.volumes[0]);
    this.#scan = scan;
    const { shape, affine, pick } = coarse(scan);
    this.#pick = pick;
    const values = Float32Array.from(pick, (index) => scan.data[index] * scan.slope + scan.intercept);
    const add = async (name, file, options) =>
      nv.addVolume(await this.#library.NVImage.loadFromUrl({ url: name, name, buffer: file, ...options }));
    const [low, high] = this.session.isCt ? [150, 1500] : look.window;
    await add("scan.nii", floatFile(values, shape, affine), { colormap: "gray", cal_min: low, cal_max: high });
    await add("labels.nii", write(new Uint8Array(pick.length), shape, headerOf(shape, affine)).buffer, {
      colormap: "gray",
      cal_min: 0,
      cal_max: 255,
    });
  }

  /** The labels on the coarse grid, numbered 1 to at most 255 in the order of `ids`. */
  #labels() {
    const { labels, hidden } = this.session;
    const picked = labels.data.constructor.from(this.#pick, (index) => labels.data[index]);
    const ids = idsIn(picked)
      .filter((id) => !hidden.has(id))
      .slice(0, 255);
    const number = new Map(ids.map((id, n) => [id, n + 1]));
    return { ids, data: Uint8Array.from(picked, (label) => number.get(label) ?? 0) };
  }

  /** @param {number} turn  of the list that the mesh is of: what comes late, after another list, is not shown */
  async #addMesh({ url, color, structure }, turn) {
    const bytes = toRas(await (await this.api.send("GET", url)).arrayBuffer());
    if (turn !== this.#turn || !this.#nv) return;
    const rgba = new Uint8Array([...color, 255]);
    const mesh = await this.#library.NVMesh.readMesh(
      bytes,
      `${structure}.stl`,
      this.#nv.gl,
      1,
      rgba,
      this.parts.meshes,
    );
    if (turn === this.#turn) this.#nv?.addMesh(mesh);
  }
}

/** NiiVue's table of colours: 0 is nothing, then one for each of `ids`. */
function tableOf(session, ids) {
  const colors = [[0, 0, 0], ...ids.map((id) => session.structure(id).color)];
  const channel = (n) => colors.map((color) => color[n]);
  const names = ["", ...ids.map((id) => session.structure(id).name)];
  return {
    R: channel(0),
    G: channel(1),
    B: channel(2),
    A: colors.map((_, n) => (n ? 255 : 0)),
    I: colors.map((_, n) => n),
    labels: names,
  };
}
