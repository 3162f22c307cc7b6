/** Loads a detector, judges the image that was requested last, and recovers when the engine is lost. */

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
  /** Called when another image is requested. */
  #hurry = () => {};
  /** The model that was requested last; its name is known before the list of models is loaded. @type {string | null} */
  #model = null;
  /** The job of the current image. It is kept after judging, so that the image can be judged again when the detector changes. @type {Job | null} */
  #job = null;
  /** The job of the visitor's painted version of the card's image, until it is judged. @type {Job | null} */
  #painted = null;
  /** The job that was judged last, and the detector that judged it. @type {{ job: Job, loaded: Loaded } | null} */
  #done = null;
  /** @type {import("./protocol.js").Manifest | null} */
  #manifest = null;
  /** Models that were trained in this tab. @type {import("./protocol.js").ModelFile[]} */
  #own = [];

  /**
   * @param {ReturnType<typeof import("./state.js").createStore>} store
   * @param {import("./client.js").Client} client
   */
  constructor(store, client) {
    this.#store = store;
    this.#client = client;
  }

  /** Whether an image was requested yet. */
  get asked() {
    return this.#tickets > 0;
  }

  /**
   * Loads a model on a backend. A later call ends an earlier one.
   * @param {BackendChoice} choice
   * @param {string | null} [model] name or file name; if there is no such model, the first one is used
   * @param {string} [why] the note about the backend, if there is no other note
   * @param {Promise<unknown>} [meanwhile] something else that must end before the page is ready
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

  /** Adds a model that does not come from the site, and loads it.
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
   * Judges the card's image with the visitor's strokes. The page shows only the result, no status.
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
   * Judges an image that the card does not show.
   * @param {Pick<Wanted, "name" | "read">} wanted
   * @returns {Promise<import("./protocol.js").Timed>} fails with a whole sentence
   */
  async judgeAside({ name, read }) {
    for (;;) {
      const loaded = await this.#whenLoaded();
      try {
        const content = await read();
        if (this.#store.get().loaded !== loaded) continue; // it changed meanwhile
        return await this.#detect(content instanceof ImageData ? content : new Uint8Array(content), name);
      } catch (error) {
        if (!(error instanceof Lost)) throw error instanceof Error ? error : new Error(sentence(error));
        if (error instanceof Superseded || this.#store.get().loaded !== loaded) continue; // another detector is on its way
        if (error instanceof Crash && loaded.backend === "webgpu") void this.load("wasm", undefined, GPU_STOPPED);
        else void this.load(this.#store.get().choice);
        if (error instanceof Crash && loaded.backend !== "webgpu") throw new Error(sentence(error));
      }
    }
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

  /** Shows why a file is refused. Work in progress continues.
   * @param {string} message why a file is not read */
  refuse(message) {
    this.#store.send({ type: "refused", message });
  }

  /** Judges one image at a time. Of the images that are requested during this time, only the last one is judged. */
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
   */
  async #detect(image, name) {
    try {
      return await this.#client.detect(image);
    } catch (error) {
      throw error instanceof Lost ? error : new Error(refusal(name, error));
    }
  }

  /**
   * Recovers after the worker is lost. If the engine ran on the GPU, the CPU tries the same image, because the GPU may be the cause.
   * Otherwise the image is given up.
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
 * Starts reading at once, so that the image is ready when the engine is. Each later call reads the image again, because a worker takes over
 * the buffer that it gets.
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
