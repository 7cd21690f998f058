// Label sets between the page and the server: loading, drafts kept while one works, revisions when one saves.
import { asFile, asLabels, noLabels } from "./labelmap.js";
import { read, sameGrid } from "./nifti.js";
import { words } from "./words.js";

/** Milliseconds after the last change until a draft is kept, and until one that failed is tried again. */
const [PAUSE, AGAIN] = [2500, 5000];

/** Names this tab to the server, so that two tabs do not write one draft. */
const TAB = crypto.randomUUID?.() ?? String(Math.random()).slice(2);

export class Saving extends EventTarget {
  /** Name of the label set. */ set = "";

  /** Revision the labels were drawn on; null for a set that is not there yet. @type {number|null} */ base = null;

  /** @type {"clean"|"unsaved"|"drafted"|"saving"} */ state = "clean";

  /** When the draft or the revision was kept. @type {Date|null} */ when = null;

  /** @type {Uint8Array|null} */ #header = null;

  #timer = 0;

  #version = -1;

  #closed = false;

  /** Whether the last draft could not be kept, which is told once. */
  #troubled = false;

  /** @param {import("./session.js").Session} session @param {object} api @param {string} path  /api/datasets/<d>/cases/<c> */
  constructor(session, api, path) {
    super();
    [this.session, this.api, this.path] = [session, api, path];
    session.addEventListener("change", ({ detail }) => {
      if (detail === "labels") this.#changed();
    });
  }

  /**
   * @param {string} set @param {boolean} exists  whether the case has it already
   * @returns {Promise<{when: string, base: number|null, bytes: ArrayBuffer}|null>} a draft of work that was not saved
   */
  async load(set, exists) {
    const { session } = this;
    if (exists) {
      const answer = await this.api.send("GET", this.#url(set));
      const file = await read(await answer.arrayBuffer());
      if (!sameGrid(session.scan, file)) throw new RangeError(words.elsewhere(set));
      this.#header = file.header;
      this.base = Number(answer.headers.get("X-Revision"));
      this.set = set;
      this.#put(asLabels(file, session.structures));
    } else {
      [this.base, this.set, this.#header] = [null, set, null];
      this.#put(noLabels(session.structures, session.scan.data.length));
    }
    return this.#draft();
  }

  /** Takes a draft up as unsaved work. @param {{bytes: ArrayBuffer, base: number|null}} draft */
  async takeUp({ bytes, base }) {
    const file = await read(bytes);
    this.#put(asLabels(file, this.session.structures));
    this.base = base;
    this.#version = -1;
    this.#changed();
  }

  /** @returns {Promise<void>} once the server has forgotten the draft */
  async dropDraft() {
    await this.api.send("DELETE", `${this.#url(this.set)}/autosave`);
  }

  /**
   * Saves a new revision.
   * @param {string} who @param {string} what
   * @returns {Promise<{revision: number}>}
   * @throws ApiError, with status 409 where somebody saved since; the work stays unsaved
   */
  async save(who, what) {
    clearTimeout(this.#timer);
    const before = this.state;
    this.#turn("saving");
    try {
      const version = this.session.version;
      const headers = {
        "X-Who": encodeURIComponent(who),
        "X-What": encodeURIComponent(what),
        "Content-Type": "application/gzip",
      };
      if (this.base === null) headers["If-None-Match"] = "*";
      else headers["If-Match"] = `"${this.base}"`;
      const answer = await this.api.send("POST", this.#url(this.set), { body: await this.#file(), headers });
      const saved = await answer.json();
      this.base = saved.revision;
      this.when = new Date();
      this.#turn("clean");
      if (this.session.version !== version) this.#changed();
      return saved;
    } catch (error) {
      this.#turn(before);
      throw error;
    }
  }

  /** Goes on under another name, as a set that is not there yet. @param {string} set */
  rename(set) {
    [this.set, this.base, this.#version] = [set, null, -1];
    this.#changed();
  }

  /** Keeps a draft now, if there is something to keep. */
  async keep() {
    clearTimeout(this.#timer);
    if (this.state !== "unsaved") return;
    const version = this.session.version;
    const headers = {
      "X-Base": String(this.base ?? 0),
      "X-Tab": TAB,
      "X-Who": encodeURIComponent(author()),
      "Content-Type": "application/gzip",
    };
    try {
      await this.api.send("PUT", `${this.#url(this.set)}/autosave`, { body: await this.#file(), headers });
      this.when = new Date();
      this.#troubled = false;
      if (this.state === "unsaved" && this.session.version === version) this.#turn("drafted");
    } catch (error) {
      if (!this.#closed) this.#timer = setTimeout(() => this.keep(), AGAIN);
      if (!this.#troubled) this.dispatchEvent(new CustomEvent("trouble", { detail: error }));
      this.#troubled = true;
    }
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
    return asFile(this.session.labels.data, this.session.scan, this.#header);
  }

  async #draft() {
    try {
      const answer = await this.api.send("GET", `${this.#url(this.set)}/autosave`);
      if (answer.status === 204) return null;
      const base = Number(answer.headers.get("X-Base"));
      return { when: answer.headers.get("X-When"), base: base || null, bytes: await answer.arrayBuffer() };
    } catch (error) {
      if (error.status === 404) return null;
      throw error;
    }
  }

  #put(data) {
    this.session.setLabels({ name: this.set, data });
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

  #turn(state) {
    this.state = state;
    if (state === "clean") this.#version = this.session.version;
    this.dispatchEvent(new Event("state"));
  }
}

/** Who works at this browser; asked once, kept here. */
export const author = (name) => {
  if (name !== undefined) localStorage.setItem("condyle.who", name);
  return localStorage.getItem("condyle.who") ?? "";
};
