// The label sets of a case: choosing one to correct, comparing with another, saving, what to do when somebody was faster.
import { askName, askWho } from "./asking.js";
import { asLabels } from "./labelmap.js";
import { fetched } from "./fetched.js";
import { sameGrid } from "./nifti.js";
import { author } from "./saving.js";
import { words } from "./words.js";

const day = (when) => new Date(when).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });

export class Sets {
  /** Counts what was chosen. */
  #turn = 0;

  /**
   * @param {object} given
   * @param {object} given.api @param {string} given.path  of the case @param {string[]} given.names  sets the case has
   * @param {import("./session.js").Session} given.session @param {import("./saving.js").Saving} given.saving
   * @param {HTMLElement} given.root  dialogs open here
   * @param {ReturnType<import("./banner.js").banner>} given.alert @param {(text: string) => void} given.note
   * @param {(told: object|null) => void} given.past  shows revisions
   * @param {() => Promise<void>} given.shown  after each label map that was loaded or saved
   * @param {(error: Error) => void} given.complain
   */
  constructor(given) {
    Object.assign(this, given);
  }

  /** Loads a set to be corrected; the last one chosen wins. @param {string} set  empty: a new one, whose name is asked for */
  async choose(set) {
    const { session, saving } = this;
    const name = set || (await askName(this.root));
    if (!name) {
      session.tell("history");
      return;
    }
    const turn = ++this.#turn;
    session.editable = false; // what is drawn while the draft is on its way would not be in it
    try {
      await saving.rest();
    } catch (error) {
      if (turn === this.#turn) this.#refuse(name, error);
      return;
    }
    if (turn === this.#turn) await this.#load(name, turn);
  }

  /** Saves what was drawn as a new revision. */
  async save() {
    const { session, saving } = this;
    if (!session.editable || ["clean", "saving"].includes(saving.state)) return;
    const given = author() ? { who: author(), what: "" } : await askWho(this.root);
    if (!given) return;
    const one = saving.loaded;
    try {
      const { revision } = await saving.save(given.who, given.what);
      this.note(words.saved(revision, new Date().toLocaleTimeString("en")));
      if (!this.names.includes(one.set)) this.names.push(one.set);
      await this.#tellPast();
      await this.shown();
    } catch (error) {
      if (error.status === 409 && error.body?.current) this.#conflict(one, error.body.current);
      else this.complain(error);
    }
  }

  /** @param {string} name  empty: compares with nothing */
  async compare(name) {
    const { session } = this;
    try {
      if (!name) {
        session.setOther(null);
        return;
      }
      const file = await fetched(this.api, `${this.path}/labels/${encodeURIComponent(name)}`);
      if (!sameGrid(session.scan, file)) throw new RangeError(words.elsewhere(name));
      session.look.mode = "outlines";
      session.setOther({ name, data: asLabels(file, session.structures) });
    } catch (error) {
      this.complain(error);
    }
  }

  /** Makes an old revision the current one: as a new revision. What is drawn stays as a draft. @param {number} revision */
  async restore(revision) {
    const { saving } = this;
    const one = saving.loaded;
    try {
      await saving.rest();
      const asked = { revision, base: one.mark, who: author() };
      await this.api.post(`${this.path}/labels/${encodeURIComponent(one.set)}/restore`, asked);
      if (saving.loaded === one) await this.choose(one.set);
    } catch (error) {
      this.complain(error);
    }
  }

  /** A job has ended: label sets that it made can be chosen, and one that it made anew is shown if nothing was drawn. */
  async renew() {
    const { label_sets: now } = await this.api.get(this.path);
    const fresh = Object.keys(now).filter((name) => !this.names.includes(name));
    this.names.push(...fresh);
    const { loaded, set, base, state } = this.saving;
    if (fresh.length) this.note(words.arrived(fresh.join(", ")));
    if (!set && fresh.length) await this.choose(fresh[0]);
    else if (state === "clean" && now[set] && base !== null) await this.#ifOther(loaded);
    return fresh.length > 0;
  }

  /** @param {import("./saving.js").Loaded} one  loaded anew where the server has another label map by now */
  async #ifOther(one) {
    const { saving } = this;
    const { mark } = await this.api.get(`${this.path}/labels/${encodeURIComponent(one.set)}/revisions`);
    if (mark !== one.mark && saving.loaded === one && saving.state === "clean") await this.choose(one.set);
  }

  async #load(name, turn) {
    const { session, saving } = this;
    try {
      this.note(words.loadingLabels(name));
      session.editable = false;
      const found = await saving.fetched(name, this.names.includes(name));
      if (turn !== this.#turn) return;
      this.alert.hide(); // it was about what was shown until now
      saving.open(found);
      const draft = await saving.draft(found.one);
      if (turn !== this.#turn) return;
      this.#free();
      if (draft) this.#offer(found.one, draft);
      await this.#tellPast();
      this.note("");
      await this.shown();
    } catch (error) {
      if (turn === this.#turn) this.#free();
      this.complain(error);
    }
  }

  /** Nothing is on its way any more: what is shown can be drawn on. */
  #free() {
    this.session.editable = Boolean(this.saving.set);
    this.session.tell("tool");
  }

  /** What is drawn could not be kept, so that nothing else is loaded unless one gives it up. */
  #refuse(name, error) {
    this.#free();
    this.alert.show(words.notKept(error.message), [
      [words.loadAnyway(name), () => this.#load(name, ++this.#turn)],
      [words.cancel, () => {}],
    ]);
  }

  async #tellPast() {
    const { loaded } = this.saving;
    const url = `${this.path}/labels/${encodeURIComponent(loaded.set)}/revisions`;
    const told = loaded.base === null ? null : await this.api.get(url);
    if (this.saving.loaded === loaded) this.past(told);
  }

  /** @param {import("./saving.js").Loaded} one  what the draft is of: it is taken up into nothing else */
  #offer(one, draft) {
    const { saving, complain } = this;
    const takeUp = () => (saving.loaded === one ? saving.takeUp(draft).catch(complain) : undefined);
    this.alert.show((draft.mark === one.mark ? words.draft : words.draftOld)(day(draft.when)), [
      [words.takeDraft, takeUp],
      [words.dropDraft, () => saving.dropDraft(one, draft).catch(complain)],
    ]);
  }

  /** Somebody saved since: keep both, or take theirs; a draft of mine is kept in either case. */
  #conflict(one, { revision, who }) {
    const { saving } = this;
    const mine = freeName(one.set, this.names);
    const still = (act) => () => (saving.loaded === one ? act() : undefined);
    const aside = () => {
      saving.rename(mine);
      this.save();
    };
    this.alert.show(words.conflict(who, revision), [
      [words.keepAside(mine), still(aside)],
      [words.takeTheirs, still(() => this.choose(one.set))],
    ]);
  }
}

function freeName(set, taken) {
  for (let n = 2; ; n++) if (!taken.includes(`${set}-${n}`)) return `${set}-${n}`;
}
