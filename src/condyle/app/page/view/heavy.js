// The page's side of the worker: one tool at a time, which can be stopped.

export class Heavy {
  /** @type {Worker|null} */ #worker = null;

  /** @type {{id: number, resolve: Function, reject: Function}|null} */ #waiting = null;

  #last = 0;

  /** @param {import("./nifti.js").Volume} scan */
  constructor(scan) {
    this.scan = scan;
  }

  get busy() {
    return this.#waiting !== null;
  }

  /**
   * @param {string} tool  a name of TOOLS in worker.js
   * @param {Uint8Array|Uint16Array} labels  copied @param {import("./tools/grid.js").Grid} grid @param {object} settings
   * @returns {Promise<import("./tools/grid.js").Proposal|null>} null where it was stopped
   * @throws {RangeError} what the tool refuses
   */
  run(tool, labels, grid, settings) {
    this.stop();
    this.#worker ??= this.#start();
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting = { id, resolve, reject };
      this.#worker.postMessage({
        id,
        tool,
        given: { labels, grid: { shape: grid.shape, spacing: grid.spacing }, settings },
      });
    });
  }

  /** Ends what runs; its promise gives null. */
  stop() {
    if (!this.#waiting) return;
    this.close();
  }

  /** Ends the worker and frees its copy of the scan. */
  close() {
    this.#worker?.terminate();
    this.#worker = null;
    this.#settle()?.resolve(null);
  }

  #settle() {
    const waiting = this.#waiting;
    this.#waiting = null;
    return waiting;
  }

  #start() {
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    const { data, slope, intercept, shape } = this.scan;
    worker.postMessage({ tool: "scan", given: { data, slope, intercept, shape } });
    worker.onmessage = ({ data: { id, proposal, error } }) => {
      if (id !== this.#waiting?.id) return;
      if (error) this.#settle().reject(new RangeError(error));
      else this.#settle().resolve(proposal);
    };
    worker.onerror = (event) => this.#settle()?.reject(new Error(event.message ?? "the worker failed"));
    return worker;
  }
}
