// The label sets of a case: choosing one to correct, comparing with another, saving, what to do when somebody was faster.
import { askName, askWho } from "./asking.js";
import { asLabels } from "./labelmap.js";
import { fetched } from "./fetched.js";
import { sameGrid } from "./nifti.js";
import { author } from "./saving.js";
import { words } from "./words.js";

const day = (when) => new Date(when).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });

export class Sets {
  /**
   * @param {object} given
   * @param {object} given.api @param {string} given.path  of the case @param {string[]} given.names  sets the case has
   * @param {import("./session.js").Session} given.session @param {import("./saving.js").Saving} given.saving
   * @param {HTMLElement} given.root  dialogs open here
   * @param {ReturnType<import("./banner.js").banner>} given.alert @param {(text: string) => void} given.note
   * @param {(told: object|null) => void} given.past  shows revisions @param {(error: Error) => void} given.complain
   */
  constructor(given) {
    Object.assign(this, given);
  }

  /** Loads a set to be corrected. @param {string} set  empty: a new one, whose name is asked for */
  async choose(set) {
    const { session, saving } = this;
    const name = set || (await askName(this.root));
    if (!name) {
      session.tell("history");
      return;
    }
    try {
      await saving.keep();
      this.note(words.loadingLabels(name));
      session.editable = false;
      const draft = await saving.load(name, this.names.includes(name));
      session.editable = true;
      session.tell("tool");
      if (draft) this.#offer(draft);
      await this.#tellPast();
      this.note("");
    } catch (error) {
      this.complain(error);
    }
  }

  /** Saves what was drawn as a new revision. */
  async save() {
    const { session, saving } = this;
    if (!session.editable || ["clean", "saving"].includes(saving.state)) return;
    const given = author() ? { who: author(), what: "" } : await askWho(this.root);
    if (!given) return;
    try {
      const { revision } = await saving.save(given.who, given.what);
      this.note(words.saved(revision, new Date().toLocaleTimeString("en")));
      if (!this.names.includes(saving.set)) this.names.push(saving.set);
      await this.#tellPast();
    } catch (error) {
      if (error.status === 409 && error.body?.current) this.#conflict(error.body.current);
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

  /** Makes an old revision the current one: as a new revision. @param {number} revision */
  async restore(revision) {
    const { saving } = this;
    try {
      await this.api.post(`${this.path}/labels/${encodeURIComponent(saving.set)}/restore`, {
        revision,
        base: saving.base,
        who: author(),
      });
      await this.choose(saving.set);
    } catch (error) {
      this.complain(error);
    }
  }

  /** A job has ended: label sets that it made can be chosen, and one that it made anew is shown if nothing was drawn. */
  async renew() {
    const { label_sets: now } = await this.api.get(this.path);
    const fresh = Object.keys(now).filter((name) => !this.names.includes(name));
    this.names.push(...fresh);
    const { set, base, state } = this.saving;
    if (fresh.length) this.note(words.arrived(fresh.join(", ")));
    if (!set && fresh.length) await this.choose(fresh[0]);
    else if (state === "clean" && now[set] && base !== null) await this.#ifNewer(set, base);
    return fresh.length > 0;
  }

  async #ifNewer(set, base) {
    const { current } = await this.api.get(`${this.path}/labels/${encodeURIComponent(set)}/revisions`);
    if (current > base && this.saving.state === "clean") await this.choose(set);
  }

  async #tellPast() {
    const { set, base } = this.saving;
    this.past(base === null ? null : await this.api.get(`${this.path}/labels/${encodeURIComponent(set)}/revisions`));
  }

  #offer(draft) {
    const { saving, complain } = this;
    this.alert.show((draft.base === saving.base ? words.draft : words.draftOld)(day(draft.when)), [
      [words.takeDraft, () => saving.takeUp(draft).catch(complain)],
      [words.dropDraft, () => saving.dropDraft().catch(complain)],
    ]);
  }

  /** Somebody saved since: keep both, or take theirs; a draft of mine is kept in either case. */
  #conflict({ revision, who }) {
    const { saving } = this;
    const mine = freeName(saving.set, this.names);
    this.alert.show(words.conflict(who, revision), [
      [
        words.keepAside(mine),
        () => {
          saving.rename(mine);
          this.save();
        },
      ],
      [words.takeTheirs, () => this.choose(saving.set)],
    ]);
  }
}

function freeName(set, taken) {
  for (let n = 2; ; n++) if (!taken.includes(`${set}-${n}`)) return `${set}-${n}`;
}
