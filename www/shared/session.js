/** Loads a detector, and judges the image that was requested last. The detector recovers by itself from an engine that is lost. */

import { DaadError, Detector } from "daad";
import { address, fetchManifest } from "./download.js";
import { refusal, sentence } from "./format.js";

/** @typedef {import("./types.js").BackendChoice} BackendChoice */
/** @typedef {import("./types.js").ModelFile} ModelFile */
/** @typedef {import("./types.js").Picture} Picture */
/** @typedef {import("./state.js").Loaded} Loaded */
/** @typedef {{ name: string, sample: import("./types.js").Sample | null, read: () => Promise<Picture> }} Wanted `read` fails with a whole sentence */
/** @typedef {{ subject: import("./state.js").Subject, strokes: import("./state.js").Strokes, image: Promise<Picture> }} Job */

/** The request was replaced by a newer one, so the visitor need not be told. */
class Superseded extends Error {}

export class Session {
  #store;
  #tickets = 0;
  #loads = 0;
  #judging = false;
  /** Aborted when another image is requested. */
  #hurry = new AbortController();
  /** The model that was requested last; its name is known before the list of models is loaded. @type {string | null} */
  #model = null;
  /** The job of the current image. It is kept after judging, so that the image can be judged again when the detector changes. @type {Job | null} */
  #job = null;
  /** The job of the visitor's painted version of the card's image, until it is judged. @type {Job | null} */
  #painted = null;
  /** The job that was judged last, and the detector that judged it. @type {{ job: Job, loaded: Loaded } | null} */
  #done = null;
  /** @type {import("./types.js").Manifest | null} */
  #manifest = null;
  /** Models that do not come from the site. @type {ModelFile[]} */
  #own = [];
  /** @type {Detector | null} */
  #detector = null;
  /** What the views are told about the detector, a moment after it is there. @type {Loaded | null} */
  #loaded = null;
  /** Detectors of other models, which share the engine. @type {Detector[]} */
  #beside = [];
  /** Aborted when another model or backend is requested. */
  #loading = new AbortController();

  /** @param {ReturnType<typeof import("./state.js").createStore>} store */
  constructor(store) {
    this.#store = store;
  }

  /** The backend that the visitor chose. */
  get choice() {
    return this.#store.get().choice;
  }

  /** Whether an image was requested yet. */
  get asked() {
    return this.#tickets > 0;
  }

  /**
   * Loads a model on a backend. A later call ends an earlier one.
   * @param {BackendChoice} choice
   * @param {string | null} [model] name or file name; if there is no such model, the first one is used
   * @param {Promise<unknown>} [meanwhile] something else that must end before the page is ready
   */
  async load(choice, model = this.#model, meanwhile = Promise.resolve()) {
    const turn = ++this.#loads;
    this.#model = model;
    this.#painted = null; // it is painted again after the image is judged again
    this.#release();
    const { signal } = (this.#loading = new AbortController());
    this.#store.send({ type: "loading", choice });
    if (this.#job) this.#store.send({ type: "detecting", subject: this.#job.subject });
    try {
      const detector = await Detector.load(this.#find(model, signal), { backend: choice, signal, onProgress: (progress) => this.#store.send({ type: "progress", progress }) });
      await meanwhile;
      if (turn !== this.#loads) return detector.close();
      this.#detector = detector;
      const loaded = (this.#loaded = { ...detector.engine, info: detector.info });
      const judging = this.#judge();
      await nextTask(); // The engine gets the image first, then the views show the model, so both work at the same time.
      if (this.#loaded === loaded) this.#store.send({ type: "loaded", loaded });
      await judging;
    } catch (error) {
      await meanwhile;
      if (turn !== this.#loads) return;
      this.#manifest = null; // the site may be rebuilt before the next attempt
      this.#store.send({ type: "load-failed", message: reason(error) });
    }
  }

  /** Ends loading that is in progress, and frees the engines. */
  #release() {
    this.#loading.abort(new Superseded("The engine was restarted."));
    for (const detector of this.#beside.splice(0)) detector.close();
    this.#detector?.close();
    this.#detector = null;
    this.#loaded = null;
  }

  /**
   * Finds the model in the list of models, and returns its file or its address.
   * @param {string | null} model
   * @param {AbortSignal} signal
   */
  async #find(model, signal) {
    const manifest = (this.#manifest ??= await fetchManifest());
    signal.throwIfAborted();
    const models = [...manifest.models, ...this.#own];
    const file = models.find(({ file, name }) => file === model || name === model) ?? models[0];
    if (!file) throw new Error("No model is installed: put a .safetensors file into models/ and build the site again.");
    this.#store.send({ type: "models", models, model: file.file });
    return source(file);
  }

  /**
   * Adds a model that does not come from the site, and loads it. If it cannot be used, the page keeps the earlier one and says why.
   * @param {ModelFile} model
   */
  async adopt(model) {
    const { choice, model: earlier } = this.#store.get();
    this.#own.push(model);
    await this.load(choice, model.file);
    const { loaded, loading, error } = this.#store.get();
    if (loaded || loading || this.#model !== model.file) return; // `loading`: the visitor chose another engine meanwhile
    this.#own.splice(this.#own.indexOf(model), 1);
    await this.load(this.choice, earlier);
    this.refuse(`${model.name}: ${error}`);
  }

  /**
   * Loads another model into the engine of the page's own model. Its detector is closed when another engine is loaded.
   * @param {ModelFile} model
   * @returns {Promise<Detector>}
   */
  async beside(model) {
    const detector = await Detector.load(source(model), { beside: this.#need(), signal: this.#loading.signal });
    this.#beside.push(detector);
    return detector;
  }

  /**
   * Shows what the memory answers to one block of an image that the page's model has judged.
   * @param {import("./types.js").Detection} detection
   * @param {import("./types.js").BlockPlace} place
   * @param {number} strongest how many items to picture
   */
  async inspect(detection, place, strongest) {
    return this.#need().inspect(detection, place, strongest);
  }

  /** @param {Wanted} wanted */
  ask({ name, sample, read }) {
    this.#job = { subject: { ticket: ++this.#tickets, name, sample }, strokes: [], image: begun(read) };
    this.#painted = null;
    this.#hurry.abort(new Superseded("Another image was asked for."));
    this.#store.send({ type: "detecting", subject: this.#job.subject });
    const { loaded, loading, choice } = this.#store.get();
    void (loaded || loading ? this.#judge() : this.load(choice)); // tries again after a failed load
  }

  /**
   * Judges the card's image with the visitor's strokes. The page shows only the result, no status.
   * @param {import("./state.js").Strokes} strokes
   * @param {ImageData} image
   */
  paint(strokes, image) {
    const { original } = this.#store.get();
    if (!original) return;
    this.#painted = { subject: original.subject, strokes, image: Promise.resolve(image) };
    void this.#judge();
  }

  /**
   * Judges an image that the card does not show.
   * @param {Pick<Wanted, "name" | "read">} wanted
   * @returns {Promise<import("./types.js").Detection>} fails with a whole sentence
   */
  async judgeAside({ name, read }) {
    for (;;) {
      const loaded = await this.#whenLoaded();
      try {
        const image = await read();
        if (this.#loaded !== loaded) continue; // the detector changed meanwhile
        return (await this.#detect(image, name)).detection;
      } catch (error) {
        if (!isGone(error)) throw error instanceof Error ? error : new Error(sentence(error));
      }
    }
  }

  /** @returns {Promise<Loaded>} */
  #whenLoaded() {
    return new Promise((resolve, reject) => {
      const { loaded, loading, choice } = this.#store.get();
      if (loaded) return resolve(loaded);
      if (!loading) void this.load(choice); // tries again after a failed load
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
      const loaded = this.#loaded;
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
  async #judgeOne({ subject, strokes, image }, loaded) {
    const { signal } = (this.#hurry = new AbortController());
    try {
      const read = await Promise.race([image, aborted(signal)]); // stops waiting when another image is requested
      if (this.#loaded !== loaded) return; // the next detector judges this image when it is loaded
      const result = await this.#detect(read, subject.name, signal);
      // If the engine was replaced during a painted image, the original is judged again first, because the page shows both by the same engine.
      if (strokes.length === 0 && this.#done?.loaded === loaded) this.#done.loaded = result.loaded;
      this.#store.send({ type: "detected", result: { ...result, subject, strokes } });
    } catch (error) {
      if (isGone(error)) return;
      this.#store.send({ type: "detect-failed", ticket: subject.ticket, message: error instanceof Error ? error.message : sentence(error) });
    }
  }

  /**
   * @param {Picture} image
   * @param {string} name for the engine's reason not to judge it
   * @param {AbortSignal} [signal]
   */
  async #detect(image, name, signal) {
    const detector = this.#need();
    try {
      const detection = await detector.detect(image, signal ? { signal } : {});
      return { detection, loaded: this.#noted(detector) };
    } catch (error) {
      this.#noted(detector);
      throw error instanceof DaadError && error.code === "image" ? new Error(refusal(name, error)) : error;
    }
  }

  /**
   * What is loaded now. It may change during a request, because the detector replaces an engine that fails.
   * @param {Detector} detector
   * @returns {Loaded}
   */
  #noted({ engine, info }) {
    const loaded = this.#loaded;
    if (!loaded || loaded.info !== info) throw new Superseded("The engine was restarted.");
    if (loaded.backend === engine.backend && loaded.threads === engine.threads && loaded.note === engine.note) return loaded;
    const now = (this.#loaded = { ...engine, info });
    this.#store.send({ type: "loaded", loaded: now });
    void this.#judge(); // the card's image too, so that the visitor can go on painting on it
    return now;
  }

  #need() {
    if (!this.#detector) throw new Superseded("The engine was restarted.");
    return this.#detector;
  }
}

/** Lets what is ready run first, such as the steps up to a message to a worker. */
function nextTask() {
  return new Promise((resolve) => setTimeout(resolve));
}

/** @param {ModelFile} file */
function source(file) {
  return file.weights ?? address(file);
}

/**
 * Whether a request failed only because a newer request replaced it.
 * @param {unknown} error
 */
export function isGone(error) {
  return error instanceof Superseded || (error instanceof DaadError && error.code === "closed");
}

/**
 * Why something could not be loaded, as a sentence or two.
 * @param {unknown} error
 */
export function reason(error) {
  const isOfSite = error instanceof DaadError && error.code === "download" && error.message.includes("the server answered");
  return isOfSite ? `${error.message} The site was renewed meanwhile, so reload the page, or it is incomplete.` : sentence(error);
}

/** @param {AbortSignal} signal @returns {Promise<never>} */
function aborted(signal) {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
}

/**
 * Starts reading at once, so that the image is ready when the engine is.
 * @param {() => Promise<Picture>} read
 */
function begun(read) {
  const image = read();
  image.catch(() => {}); // the caller that awaits it gets the error
  return image;
}
