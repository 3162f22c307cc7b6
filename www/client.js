/** The page's side of the worker: a promise for each request, and a new worker when the old one is lost or another backend is wanted. */

import { NO_GPU, plan } from "./backend.js";
import { sentence } from "./format.js";

/** @typedef {import("./protocol.js").Reply} Reply */
/** @typedef {import("./protocol.js").Progress} Progress */
/** @typedef {{ resolve: (value: any) => void, reject: (error: Error) => void, onProgress?: (progress: Progress) => void }} Waiting */

/** A driver that has not answered after this long never will: the visitor gets the CPU. */
const PATIENCE_MS = 45_000;

/** A panic's own words are for developers; the engine logs them to the console. */
const STOPPED = "The engine stopped unexpectedly: the browser's console says more.";

/** The worker was lost, with its engine: `load` again before the next image. */
export class Crash extends Error {}

export class Client {
  /** @type {Worker | null} */
  #worker = null;
  /** @type {Map<number, Waiting>} */
  #waiting = new Map();
  #id = 0;

  /**
   * Starts a worker with a model on the backend that `choice` and the machine allow. Whatever ran before ends.
   * @param {import("./protocol.js").Manifest} manifest
   * @param {import("./protocol.js").ModelFile} model
   * @param {import("./protocol.js").BackendChoice} choice
   * @param {(progress: Progress) => void} onProgress
   * @returns {Promise<import("./state.js").Loaded>}
   */
  async load(manifest, model, choice, onProgress) {
    this.stop();
    /** @type {import("./protocol.js").GpuProbe} */
    const gpu = choice === "wasm" ? NO_GPU : await this.#request({ type: "probe" });
    const { backend, note } = plan(choice, gpu);
    if (backend === "wasm") return { backend, gpu: "", note, info: await this.#start(manifest, model, backend, onProgress) };
    let downloaded = false;
    const watch = (/** @type {Progress} */ progress) => {
      downloaded = progress.stage === "starting";
      onProgress(progress);
    };
    try {
      return { backend, gpu: gpu.name, note, info: await this.#start(manifest, model, backend, watch, choice === "auto" ? PATIENCE_MS : Infinity) };
    } catch (error) {
      if (error instanceof Superseded || !downloaded) throw error; // what the network or the site lacks is not the GPU's fault
      this.stop(); // what a failed GPU start leaves behind is not worth keeping
      const info = await this.#start(manifest, model, "wasm", onProgress);
      return { backend: "wasm", gpu: "", note: `WebGPU was tried and did not work, so the CPU does the work. The reason: ${sentence(error)}`, info };
    }
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} image encoded file; its buffer is handed over
   * @returns {Promise<import("./protocol.js").Timed>}
   */
  detect(image) {
    return this.#request({ type: "detect", image }, [image.buffer]);
  }

  stop() {
    this.#worker?.terminate();
    this.#worker = null;
    this.#rejectAll(new Superseded("The engine was restarted."));
  }

  /**
   * @param {import("./protocol.js").Manifest} manifest
   * @param {import("./protocol.js").ModelFile} model
   * @param {import("./protocol.js").Backend} backend
   * @param {(progress: Progress) => void} onProgress
   * @param {number} [patience_ms] counted from the end of the download
   * @returns {Promise<import("./protocol.js").ModelInfo>}
   */
  #start(manifest, model, backend, onProgress, patience_ms = Infinity) {
    return new Promise((resolve, reject) => {
      let timer = 0;
      this.#request({ type: "load", manifest, model, backend }, [], (progress) => {
        onProgress(progress);
        if (progress.stage === "starting" && patience_ms < Infinity) timer = window.setTimeout(() => reject(new Error("it did not start in time.")), patience_ms);
      }).then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  /**
   * @param {any} request without its id
   * @param {Transferable[]} [transfer]
   * @param {(progress: Progress) => void} [onProgress]
   * @returns {Promise<any>}
   */
  #request(request, transfer = [], onProgress) {
    const worker = (this.#worker ??= this.#spawn());
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, onProgress });
      worker.postMessage({ ...request, id }, transfer);
    });
  }

  #spawn() {
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", (/** @type {MessageEvent<Reply>} */ { data }) => this.#receive(data));
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#crash(event.message ? STOPPED : "The worker's script could not be loaded: reload the page.");
    });
    return worker;
  }

  /** @param {Reply} reply */
  #receive(reply) {
    if (reply.type === "crashed") return this.#crash(STOPPED);
    const waiting = this.#waiting.get(reply.id);
    if (reply.type === "progress") return waiting?.onProgress?.(reply.progress);
    this.#waiting.delete(reply.id);
    if (reply.type === "done") waiting?.resolve(reply.value);
    else waiting?.reject(new Error(reply.message));
  }

  /** @param {string} message */
  #crash(message) {
    this.#worker?.terminate();
    this.#worker = null;
    this.#rejectAll(new Crash(message));
  }

  /** @param {Error} error */
  #rejectAll(error) {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }
}

/** The request was given up for a newer one: nobody needs to be told. */
export class Superseded extends Error {}
