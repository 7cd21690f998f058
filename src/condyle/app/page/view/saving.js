// Label sets between the page and the server: loading, drafts kept while one works, revisions when one saves.
import { asFile, asLabels, noLabels } from "./labelmap.js";
import { read, sameGrid } from "./nifti.js";
import { words } from "./words.js";

/** Milliseconds after the last change until a draft is kept, and until one that failed is tried again. */
const [PAUSE, AGAIN] = [2500, 5000];

/** Names this tab to the server, so that two tabs do not write one draft. */
const TAB = crypto.randomUUID?.() ?? String(Math.random()).slice(2);

/**
 * One label set that was loaded or begun. What comes late from the server is meant for it, whatever is shown by then.
 * @typedef {object} Loaded
 * @property {string} set  its name
 * @property {number|null} base  revision the labels were drawn on; null for a set that is not there yet
 * @property {string} mark  names that revision to the server
 * @property {Uint8Array|null} header  of the file
 * @property {Date|null} when  the draft or the revision was kept
 * @property {string} took  tab whose draft was taken up
 * @property {string} was  set that it was drawn on before it was renamed
 * @property {boolean} troubled  whether the last draft could not be kept, which is told once
 */

/** @returns {Loaded} */
const begun = (set) => ({ set, base: null, mark: "", header: null, when: null, took: "", was: "", troubled: false });

export class Saving extends EventTarget {
  /** @type {Loaded} */ loaded = begun("");

  /** @type {"clean"|"unsaved"|"drafted"|"saving"} */ state = "clean";

  #timer = 0;

  #version = -1;

  #closed = false;

  /** The save, and the draft, that is on its way. @type {Promise<object>|null} */ #saved = null;

  /** @type {Promise<object>|null} */ #kept = null;

  /** @param {import("./session.js").Session} session @param {object} api @param {string} path  /api/datasets/<d>/cases/<c> */
  constructor(session, api, path) {
    super();
    [this.session, this.api, this.path] = [session, api, path];
    session.addEventListener("change", ({ detail }) => {
      if (detail === "labels") this.#changed();
    });
  }

  get set() {
    return this.loaded.set;
  }

  get base() {
    return this.loaded.base;
  }

  get when() {
    return this.loaded.when;
  }

  /**
   * @param {string} set @param {boolean} exists  whether the case has it already
   * @returns {Promise<{one: Loaded, data: Uint8Array|Uint16Array}>} what `open` takes
   */
  async fetched(set, exists) {
    const { session } = this;
    if (!exists) return { one: begun(set), data: noLabels(session.structures, session.scan.data.length) };
    const answer = await this.api.send("GET", this.#url(set));
    const file = await read(await answer.arrayBuffer());
    if (!sameGrid(session.scan, file)) throw new RangeError(words.elsewhere(set));
    const [base, mark] = [Number(answer.headers.get("X-Revision")), bare(answer.headers.get("ETag"))];
    return { one: { ...begun(set), base, mark, header: file.header }, data: asLabels(file, session.structures) };
  }

  /** Shows a label set, to be corrected. @param {{one: Loaded, data: Uint8Array|Uint16Array}} fetched */
  open({ one, data }) {
    this.#put(one, data);
  }

  /**
   * @param {Loaded} one
   * @returns {Promise<{when: string, mark: string, tab: string, bytes: ArrayBuffer}|null>} work on it that was not saved
   */
  async draft({ set }) {
    try {
      const answer = await this.api.send("GET", `${this.#url(set)}/autosave`);
      if (answer.status === 204) return null;
      const [when, base, tab] = ["X-When", "X-Base", "X-Tab"].map((name) => answer.headers.get(name) ?? "");
      return { when, mark: parseInt(base) ? base : "", tab, bytes: await answer.arrayBuffer() };
    } catch (error) {
      if (error.status === 404) return null;
      throw error;
    }
  }

  /** Takes a draft of what is shown up as unsaved work. @param {{bytes: ArrayBuffer, mark: string, tab: string}} draft */
  async takeUp({ bytes, mark, tab }) {
    const one = this.loaded;
    const file = await read(bytes);
    if (this.loaded !== one) return;
    const base = parseInt(mark) || null;
    this.#put({ ...one, base, mark, took: tab }, asLabels(file, this.session.structures));
    this.#version = -1;
    this.#changed();
  }

  /** @param {Loaded} one @param {{tab: string}} draft @returns {Promise<void>} once the server has forgotten it */
  async dropDraft({ set }, { tab }) {
    await this.api.send("DELETE", `${this.#url(set)}/autosave`, { headers: { "X-Tab": tab } });
  }

  /**
   * Saves a new revision.
   * @param {string} who @param {string} what
   * @returns {Promise<{revision: number}>}
   * @throws ApiError, with status 409 where somebody saved since; the work stays unsaved
   */
  save(who, what) {
    this.#saved = this.#save(who, what);
    return this.#saved;
  }

  /** Goes on under another name, as a set that is not there yet. @param {string} set */
  rename(set) {
    const { header, took, set: was } = this.loaded;
    this.loaded = { ...begun(set), header, took, was };
    this.#version = -1;
    this.#changed();
  }

  /** Keeps a draft now, if there is something to keep. */
  async keep() {
    clearTimeout(this.#timer);
    if (this.state !== "unsaved") return;
    const one = this.loaded;
    try {
      await this.#keep();
    } catch (error) {
      if (!this.#closed && this.loaded === one) this.#timer = setTimeout(() => this.keep(), AGAIN);
      if (!one.troubled) this.dispatchEvent(new CustomEvent("trouble", { detail: error }));
      one.troubled = true;
    }
  }

  /**
   * Before something else is loaded: lets a save come to its end, and keeps what is still not saved, even where a draft
   * was kept before; another window may have put its own in its place.
   * @throws ApiError where it cannot be kept
   */
  async rest() {
    await this.#saved?.catch(() => {});
    clearTimeout(this.#timer);
    if (this.state !== "clean") await this.#keep();
  }

  /** Stops the clock; keeps what is there. */
  close() {
    this.#closed = true;
    this.keep();
  }

  #url(set) {
    return `${this.path}/labels/${encodeURIComponent(set)}`;
  }

  #file() {
    return asFile(this.session.labels.data, this.session.scan, this.loaded.header);
  }

  /** What the server is told of whoever sends something drawn. @param {Loaded} one @param {string} who */
  #headers({ took }, who) {
    return { "X-Tab": TAB, "X-Took": took, "X-Who": encodeURIComponent(who), "Content-Type": "application/gzip" };
  }

  async #save(who, what) {
    clearTimeout(this.#timer);
    const [one, before, { version }] = [this.loaded, this.state, this.session];
    this.#turn("saving");
    try {
      const [body] = await Promise.all([this.#file(), this.#kept?.catch(() => {})]);
      const headers = { ...this.#headers(one, who), "X-What": encodeURIComponent(what) };
      if (one.base === null) headers["If-None-Match"] = "*";
      else headers["If-Match"] = `"${one.mark}"`;
      const saved = await (await this.api.send("POST", this.#url(one.set), { body, headers })).json();
      if (one.was) this.#forget(one);
      Object.assign(one, { base: saved.revision, mark: saved.mark, when: new Date(), took: "", was: "" });
      this.#saveEnded(one, version, "clean");
      return saved;
    } catch (error) {
      this.#saveEnded(one, version, before);
      throw error;
    }
  }

  /** What was drawn meanwhile is not in it, also where something else is about to be loaded and nothing can be drawn. */
  #saveEnded(one, version, state) {
    if (this.loaded !== one) return;
    this.#turn(this.session.version === version ? state : "unsaved");
    clearTimeout(this.#timer);
    if (this.state === "unsaved") this.#timer = setTimeout(() => this.keep(), PAUSE);
  }

  /** What was saved under a name of its own is no draft of the set that it was drawn on. @param {Loaded} one */
  #forget({ was, took }) {
    const headers = { "X-Tab": TAB, "X-Took": took };
    this.api.send("DELETE", `${this.#url(was)}/autosave`, { headers }).catch(() => {}); // it is offered again, no more
  }

  async #keep() {
    const [one, { version }] = [this.loaded, this.session];
    const headers = { ...this.#headers(one, author()), "X-Base": one.mark };
    const send = async () => this.api.send("PUT", `${this.#url(one.set)}/autosave`, { body: await this.#file(), headers });
    this.#kept = send();
    await this.#kept;
    Object.assign(one, { when: new Date(), took: "", troubled: false });
    const same = this.loaded === one && this.session.version === version;
    if (same && this.state === "unsaved") this.#turn("drafted");
  }

  #put(one, data) {
    this.session.setLabels({ name: one.set, data });
    this.loaded = one;
    clearTimeout(this.#timer);
    this.#turn("clean");
  }

  #changed() {
    if (!this.session.editable || !this.set || this.session.version === this.#version) return;
    this.#version = this.session.version;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.keep(), PAUSE);
    if (this.state !== "saving") this.#turn("unsaved");
  }

  /** @param {string} state */
  #turn(state) {
    this.state = state;
    if (state === "clean") this.#version = this.session.version;
    this.dispatchEvent(new Event("state"));
  }
}

/** An ETag without its quotes. */
const bare = (etag) => (etag ?? "").replaceAll('"', "");

/** Who works at this browser; asked once, kept here. */
export const author = (name) => {
  if (name !== undefined) localStorage.setItem("condyle.who", name);
  return localStorage.getItem("condyle.who") ?? "";
};
