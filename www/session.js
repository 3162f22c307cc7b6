/** What goes on behind the page: loads a detector, judges the image asked for last, and recovers when the engine is lost. */

import { Crash, Lost, Superseded } from "./client.js";
import { fetchManifest } from "./download.js";
import { refusal, sentence } from "./format.js";

/** @typedef {import("./protocol.js").BackendChoice} BackendChoice */
/** @typedef {import("./state.js").Loaded} Loaded */
/** @typedef {{ name: string, sample: import("./protocol.js").Sample | null, read: () => Promise<ArrayBuffer | ImageData> }} Wanted `read` fails with a whole sentence */
/** @typedef {{ subject: import("./state.js").Subject, strokes: import("./state.js").Strokes, read: () => Promise<ArrayBuffer | ImageData> }} Job */

const GPU_STOPPED = "WebGPU stopped working, so the CPU does the work.";

export class Session {
  #client;
  #store;
  #tickets = 0;
  #loads = 0;
  #judging = false;
  /** Called when another image is asked for. */
  #hurry = () => {};
  /** The model asked for last: its name is known before the list of models. @type {string | null} */
  #model = null;
  /** Stays after it is judged, to be judged again when the detector changes. @type {Job | null} */
  #job = null;
  /** What the visitor made of the image of the card, until it is judged. @type {Job | null} */
  #painted = null;
  /** The job judged last, and what judged it. @type {{ job: Job, loaded: Loaded } | null} */
  #done = null;
  /** @type {import("./protocol.js").Manifest | null} */
  #manifest = null;
  /** The copy of the model for `judgeAside`, and what it is a copy of. @type {{ loaded: Loaded, added: Promise<unknown> } | null} */
  #aside = null;
  /** Models that came into being in this tab. @type {import("./protocol.js").ModelFile[]} */
  #own = [];

  /**
   * @param {ReturnType<typeof import("./state.js").createStore>} store
   * @param {import("./client.js").Client} client
   */
  constructor(store, client) {
    this.#store = store;
    this.#client = client;
  }

  /** Whether an image was asked for yet. */
  get asked() {
    return this.#tickets > 0;
  }

  /**
   * Loads a model on a backend. A later call ends an earlier one.
   * @param {BackendChoice} choice
   * @param {string | null} [model] name or file name; the first one where there is none such
   * @param {string} [why] what to tell of the backend where there is nothing else to tell
   * @param {Promise<unknown>} [meanwhile] what else must end before the page is ready
   */
  async load(choice, model = this.#model, why = "", meanwhile = Promise.resolve()) {
    const turn = ++this.#loads;
    this.#model = model;
    this.#painted = null; // painted again when the image is there anew
    this.#client.open(choice);
    this.#store.send({ type: "loading", choice });
    if (this.#job) this.#store.send({ type: "detecting", subject: this.#job.subject });
    try {
      const manifest = (this.#manifest ??= await fetchManifest());
      if (turn !== this.#loads) return;
      const models = [...manifest.models, ...this.#own];
      const file = models.find(({ file, name }) => file === model || name === model) ?? models[0];
      if (!file) throw new Error("No model is installed: put a .safetensors file into models/ and build the site again.");
      this.#store.send({ type: "models", models, model: file.file });
      const loaded = await this.#client.load(manifest, file, choice, (progress) => this.#store.send({ type: "progress", progress }));
      await meanwhile;
      if (turn !== this.#loads) return;
      this.#store.send({ type: "loaded", loaded: { ...loaded, note: loaded.note || why } });
      await this.#judge();
    } catch (error) {
      await meanwhile;
      if (error instanceof Superseded || turn !== this.#loads) return;
      this.#manifest = null; // the next try may find a site that was built anew
      this.#store.send({ type: "load-failed", message: sentence(error) });
    }
  }

  /** Takes a model that is not of the site, and loads it.
   * @param {import("./protocol.js").ModelFile} model */
  adopt(model) {
    this.#own.push(model);
    return this.load(this.#store.get().choice, model.file);
  }

  /** @param {Wanted} wanted */
  ask({ name, sample, read }) {
    this.#job = { subject: { ticket: ++this.#tickets, name, sample }, strokes: [], read: begun(read) };
    this.#painted = null;
    this.#hurry();
    this.#store.send({ type: "detecting", subject: this.#job.subject });
    const { loaded, loading, choice } = this.#store.get();
    void (loaded || loading ? this.#judge() : this.load(choice)); // after a failed load: another try
  }

  /**
   * Judges what the visitor painted on the image of the card, without a word: only the result shows. Also where all is taken back, for the engine
   * is asked about the image that it judged last.
   * @param {import("./state.js").Strokes} strokes
   * @param {ImageData} image
   */
  paint(strokes, image) {
    const { original } = this.#store.get();
    if (!original) return;
    this.#painted = { subject: original.subject, strokes, read: async () => image };
    void this.#judge();
  }

  /**
   * Judges an image that the card does not show. It has a copy of the model of its own, so the engine still knows what the card's image was.
   * @param {Pick<Wanted, "name" | "read">} wanted
   * @returns {Promise<import("./protocol.js").Timed>} fails with a whole sentence
   */
  async judgeAside({ name, read }) {
    for (;;) {
      const loaded = await this.#whenLoaded();
      try {
        const model = await this.#copy(loaded);
        const content = await read();
        if (this.#store.get().loaded !== loaded) continue; // it changed meanwhile
        return await this.#detect(content instanceof ImageData ? content : new Uint8Array(content), name, model);
      } catch (error) {
        if (!(error instanceof Lost)) throw error instanceof Error ? error : new Error(sentence(error));
        if (error instanceof Superseded || this.#store.get().loaded !== loaded) continue; // another detector is on its way
        if (error instanceof Crash && loaded.backend === "webgpu") void this.load("wasm", undefined, GPU_STOPPED);
        else void this.load(this.#store.get().choice);
        if (error instanceof Crash && loaded.backend !== "webgpu") throw new Error(sentence(error));
      }
    }
  }

  /** @param {Loaded} loaded @returns {Promise<string>} its key */
  async #copy(loaded) {
    const { models, model } = this.#store.get();
    const file = models.find(({ file }) => file === model);
    if (!file) throw new Error("The model is not on the site any more: reload the page.");
    if (this.#aside?.loaded !== loaded) this.#aside = { loaded, added: this.#client.add(file) };
    const { added } = this.#aside; // whoever comes meanwhile waits for the same
    await added.catch((error) => {
      if (this.#aside?.added === added) this.#aside = null;
      throw error;
    });
    return file.file;
  }

  /** @returns {Promise<Loaded>} */
  #whenLoaded() {
    return new Promise((resolve, reject) => {
      const { loaded, loading, choice } = this.#store.get();
      if (loaded) return resolve(loaded);
      if (!loading) void this.load(choice); // after a failed load: another try
      const end = this.#store.watch((state) => [state.loaded, state.loading], (loaded, loading) => {
        if (loading) return;
        queueMicrotask(() => end());
        if (loaded) resolve(loaded);
        else reject(new Error(this.#store.get().error));
      });
    });
  }

  /** What is under way goes on.
   * @param {string} message why a file is not even tried */
  refuse(message) {
    this.#store.send({ type: "refused", message });
  }

  /** One at a time: of the images asked for meanwhile, only the last one counts. */
  async #judge() {
    if (this.#judging) return;
    this.#judging = true;
    for (;;) {
      const { loaded } = this.#store.get();
      const isDone = this.#done?.job === this.#job && this.#done?.loaded === loaded;
      const job = isDone ? this.#painted : this.#job;
      if (!job || !loaded) break;
      if (isDone) this.#painted = null;
      else this.#done = { job, loaded };
      await this.#judgeOne(job, loaded);
    }
    this.#judging = false;
  }

  /**
   * @param {Job} job
   * @param {Loaded} loaded
   */
  async #judgeOne({ subject, strokes, read }, loaded) {
    try {
      const newer = new Promise((resolve) => (this.#hurry = () => resolve(null)));
      const content = await Promise.race([read(), newer]); // nobody waits for an image that nobody wants any more
      if (!content) return;
      const image = content instanceof ImageData ? content : new Uint8Array(content);
      if (this.#store.get().loaded !== loaded) return; // another detector is on its way and will see to it
      const timed = await this.#detect(image, subject.name);
      this.#store.send({ type: "detected", result: { ...timed, subject, strokes, loaded } });
    } catch (error) {
      if (error instanceof Superseded) return;
      if (error instanceof Crash) return this.#recover(error, loaded.backend, subject.ticket);
      if (error instanceof Lost) return void this.load(this.#store.get().choice); // before this image was there, so it is judged then
      this.#store.send({ type: "detect-failed", ticket: subject.ticket, message: error instanceof Error ? error.message : sentence(error) });
    }
  }

  /**
   * @param {import("./protocol.js").Picture} image
   * @param {string} name for the engine's reason not to judge it
   * @param {string} [model] key of a copy
   */
  async #detect(image, name, model) {
    try {
      return await this.#client.detect(image, model);
    } catch (error) {
      throw error instanceof Lost ? error : new Error(refusal(name, error));
    }
  }

  /**
   * The worker is lost. On the GPU that may be the GPU's fault: the CPU tries the same image. On the CPU the image is given up.
   * @param {Crash} crash
   * @param {import("./protocol.js").Backend} backend
   * @param {number} ticket
   */
  #recover(crash, backend, ticket) {
    if (backend === "webgpu") return void this.load("wasm", undefined, GPU_STOPPED);
    if (this.#job?.subject.ticket === ticket) this.#job = null;
    void this.load(this.#store.get().choice).then(() => this.#store.send({ type: "detect-failed", ticket, message: sentence(crash) }));
  }
}

/**
 * Reads at once, so that the image is here when the engine is. Whoever reads again gets it anew: a worker keeps what it was given.
 * @param {() => Promise<ArrayBuffer | ImageData>} read
 */
function begun(read) {
  /** @type {Promise<ArrayBuffer | ImageData> | null} */
  let first = read();
  first.catch(() => {}); // the first reader is told
  return () => {
    const bytes = first ?? read();
    first = null;
    return bytes;
  };
}
