/** The detector: a model on an engine. */

import { DaadError } from "./errors.js";
import { Host, unlessAborted } from "./host.js";
import { readImage } from "./image.js";
import { readModel } from "./model.js";

/** How many images of a batch are scored in one pass. */
const BATCH = 8;

/** The shortest time between two reports of progress. */
const REPORT_MS = 50;

/**
 * A model on an engine. `Detector.load` makes one.
 *
 * If the engine stops, hangs or loses its device, the detector starts a new engine and repeats the request, then repeats it on the CPU. Only if this also
 * fails, the request fails with a `DaadError`. The detector may be used again afterwards.
 */
export class Detector {
  /** @type {Host} */
  #host;
  #key;
  #info;
  #threshold;
  #isClosed = false;

  /**
   * @param {unknown} host
   * @param {number} key
   * @param {import("./types.js").ModelInfo} info
   * @private
   */
  constructor(host, key, info) {
    if (!(host instanceof Host)) throw new DaadError("argument", "Detectors are made by Detector.load.");
    this.#host = host;
    this.#key = key;
    this.#info = info;
    this.#threshold = info.threshold;
  }

  /**
   * Loads a model, and an engine for it: both are downloaded at the same time.
   * @param {import("./types.js").ModelSource | Promise<import("./types.js").ModelSource>} source
   * @param {import("./types.js").LoadOptions} [options]
   * @returns {Promise<Detector>} fails with a `DaadError`, or with the signal's reason
   */
  static async load(source, options = {}) {
    const { signal: outer, onProgress = () => {}, beside } = options;
    outer?.throwIfAborted();
    const host = beside ? beside.#use() : new Host(options);
    const downloads = new AbortController();
    const abort = () => downloads.abort(outer?.reason);
    outer?.addEventListener("abort", abort);
    const progress = { engine: { loaded: 0, total: /** @type {number | null} */ (beside ? 0 : null) }, model: { loaded: 0, total: /** @type {number | null} */ (null) } };
    let reportedMs = -Infinity;
    /** @param {import("./types.js").Progress["stage"]} stage */
    const report = (stage) => {
      const { engine, model } = progress;
      const totalBytes = engine.total === null || model.total === null ? null : engine.total + model.total;
      const loadedBytes = engine.loaded + model.loaded;
      if (stage === "downloading" && performance.now() - reportedMs < REPORT_MS && loadedBytes !== totalBytes) return;
      reportedMs = performance.now();
      if (!downloads.signal.aborted) onProgress({ stage, loadedBytes, totalBytes });
    };
    /** @param {"engine" | "model"} part */
    const count = (part) => (/** @type {number} */ loaded, /** @type {number | null} */ total) => {
      progress[part] = { loaded, total };
      report("downloading");
    };
    try {
      const model = readModel(source, downloads.signal, count("model"));
      const { key, info } = await host.add(model, downloads.signal, count("engine"), () => report("starting"));
      return new Detector(host, key, info);
    } catch (error) {
      downloads.abort(); // stops the other download
      if (!beside) host.remove(0);
      throw error;
    } finally {
      outer?.removeEventListener("abort", abort);
    }
  }

  /** What the model file says. */
  get info() {
    return this.#info;
  }

  /** The engine that is in use now. It changes if the engine is replaced. */
  get engine() {
    return this.#host.info;
  }

  /** An image whose score is above the threshold is anomalous. */
  get threshold() {
    return this.#threshold;
  }

  /**
   * Sets another threshold than the model's own, for the results from now on.
   * @param {number} threshold
   */
  setThreshold(threshold) {
    if (!Number.isFinite(threshold)) throw new DaadError("argument", `A threshold is a finite number, not ${threshold}.`);
    this.#threshold = threshold;
  }

  /**
   * Scores an image.
   * @param {import("./types.js").ImageSource} image
   * @param {import("./types.js").DetectOptions} [options]
   * @returns {Promise<import("./types.js").Detection>} fails with a `DaadError`, or with the signal's reason
   */
  async detect(image, { signal } = {}) {
    const host = this.#use();
    signal?.throwIfAborted();
    const read = await unlessAborted(readImage(image), signal);
    return this.#judged(await host.request({ type: "detect", key: this.#key, image: read }, signal));
  }

  /**
   * Scores several images, several at a time, which is faster on a GPU.
   * @param {readonly import("./types.js").ImageSource[]} images
   * @param {import("./types.js").DetectOptions} [options]
   * @returns {Promise<import("./types.js").Detection[]>} in the same order; fails with the first error, whose `index` is the index of the image
   */
  async detectBatch(images, { signal } = {}) {
    const host = this.#use();
    if (!Array.isArray(images)) throw new DaadError("argument", "detectBatch takes an array of images.");
    /** @type {import("./types.js").Detection[]} */
    const detections = [];
    const all = [...images]; // the caller may change its array meanwhile
    for (let start = 0; start < all.length; start += BATCH) {
      signal?.throwIfAborted();
      const read = await Promise.all(all.slice(start, start + BATCH).map((image, at) => readImage(image).catch((error) => Promise.reject(Object.assign(error, { index: start + at })))));
      const part = await host.request({ type: "batch", key: this.#key, images: read }, signal).catch((error) => {
        throw error instanceof DaadError && "index" in error ? Object.assign(error, { index: start + Number(error.index) }) : error;
      });
      for (const detection of part) detections.push(this.#judged(detection));
    }
    return detections;
  }

  /**
   * Cuts a large image into tiles of the model's size and scores each; the image's score is that of its worst tile.
   * @param {import("./types.js").ImageSource} image
   * @param {import("./types.js").TiledOptions} [options]
   * @returns {Promise<import("./types.js").TiledDetection>} fails with a `DaadError`, or with the signal's reason
   */
  async detectTiled(image, { signal, onProgress = () => {}, tile, overlap, errorMap = false } = {}) {
    const host = this.#use();
    signal?.throwIfAborted();
    const read = await unlessAborted(readImage(image), signal);
    /** @type {unknown[]} */
    const thrown = [];
    const tiled = await host.request({ type: "tiled", key: this.#key, image: read, options: { tile, overlap, errorMap } }, signal, (done, all) => {
      try {
        onProgress(done, all);
      } catch (error) {
        thrown.push(error);
      }
    });
    if (thrown.length > 0) throw thrown[0];
    return { ...this.#judged(tiled), tiles: tiled.tiles.map((/** @type {import("./types.js").Tile} */ tile) => this.#judged(tile)) };
  }

  /**
   * Shows what the memory answers to one block of an image.
   * @param {Pick<import("./types.js").Detection, "input" | "width" | "height">} detection of this model
   * @param {import("./types.js").BlockPlace} place
   * @param {number} [strongest] how many items to picture; 5 without it
   * @returns {Promise<import("./types.js").InspectedBlock | null>} null if the model has no memory at this scale
   */
  async inspect({ input, width, height }, place, strongest = 5) {
    return this.#use().request({ type: "inspect", key: this.#key, image: { data: input, width, height }, place, strongest }, undefined);
  }

  /** Frees the model, and also the engine if this was its last model. Open requests fail. */
  close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#host.remove(this.#key);
  }

  #use() {
    if (this.#isClosed) throw new DaadError("closed", "The detector was closed.");
    return this.#host;
  }

  /**
   * Adds the threshold of this detector and the verdict by it.
   * @template {{ score: number, unfamiliarity: number }} T
   * @param {T} scored
   * @returns {T}
   */
  #judged(scored) {
    const anomalous = scored.score > this.#threshold;
    if (!("threshold" in scored)) return { ...scored, anomalous };
    const verdict = scored.unfamiliarity > 1 ? "unfamiliar" : anomalous ? "anomalous" : "normal";
    return { ...scored, threshold: this.#threshold, anomalous, verdict };
  }
}
