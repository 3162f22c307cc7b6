/** The page's side of the worker: a promise for each request, and a new worker when the old one is lost or another backend is wanted. */

import { NO_GPU, cpu, plan, probe } from "./backend.js";
import { address } from "./download.js";
import { fetchModel, fetchParts } from "./parts.js";
import { sentence } from "./format.js";

/** @typedef {import("./protocol.js").Reply} Reply */
/** @typedef {import("./protocol.js").Progress} Progress */
/** @typedef {{ resolve: (value: any) => void, reject: (error: Error) => void }} Waiting */

/** The time after which a driver or thread without an answer is given up, and the next engine is used. */
const PATIENCE_MS = 45_000;

/** The key of the model that `load` loads. */
const FIRST = "";

/** The note for the visitor when an engine was replaced by the next one. */
const GAVE_WAY = {
  webgpu: "WebGPU was tried and did not work, so the CPU does the work.",
  threads: "Threads were tried and did not work, so one core does the work.",
};

/** The message for a panic; the engines are built without panic messages. */
const STOPPED = "The engine stopped unexpectedly.";

/** The worker is lost; call `load` again before the next image. */
export class Lost extends Error {}

/** The worker is lost because its engine trapped. */
export class Crash extends Lost {}

/** The request was replaced by a newer one, so the visitor need not be told. */
export class Superseded extends Lost {}

/** The engine does not run in this browser, with any model. */
class StartFailed extends Error {}

export class Client {
  /** @type {Worker | null} */
  #worker = null;
  /** @type {Map<number, Waiting>} */
  #waiting = new Map();
  #id = 0;
  /** The channel on which threads report a crash, because the worker, which waits for them, cannot. @type {BroadcastChannel | null} */
  #threads = null;
  /** Aborts the downloads for a worker that is not needed any more. */
  #downloads = new AbortController();
  /** The GPU that `open` found. @type {Promise<import("./backend.js").GpuProbe>} */
  #gpu = Promise.resolve(NO_GPU);

  /**
   * Starts a worker and looks for a GPU. The previous worker is ended.
   * @param {import("./protocol.js").BackendChoice} choice
   */
  open(choice) {
    this.stop();
    this.#worker = this.#spawn();
    this.#gpu = choice === "wasm" ? Promise.resolve(NO_GPU) : probe();
  }

  /**
   * Loads a model onto the best engine that `choice` and the machine allow; after `open`.
   * @param {import("./protocol.js").Manifest} manifest
   * @param {import("./protocol.js").ModelFile} model
   * @param {import("./protocol.js").BackendChoice} choice
   * @param {(progress: Progress) => void} onProgress
   * @returns {Promise<import("./state.js").Loaded>}
   */
  async load(manifest, model, choice, onProgress) {
    const { signal } = this.#downloads;
    const gpu = await this.#gpu;
    signal.throwIfAborted();
    const found = cpu();
    const { engines, note } = plan(choice, gpu, found, manifest.engines);
    let why = note;
    for (const engine of engines) {
      const isLast = engine === engines.at(-1);
      const threads = engine.startsWith("cpu-threads") ? found.threads : 1;
      const files = manifest.engines[engine] ?? manifest.engines.cpu;
      let downloaded = false;
      try {
        const parts = await this.#prepare({ files, model, threads }, onProgress);
        downloaded = true;
        const info = await this.#start(parts, isLast || engine === choice ? Infinity : PATIENCE_MS);
        return engine === "webgpu" ? { backend: "webgpu", threads, gpu: gpu.name, note: why, info } : { backend: "wasm", threads, gpu: "", note: why, info };
      } catch (error) {
        const isEngines = downloaded || error instanceof Crash || error instanceof StartFailed; // what the network or the site lacks is not the engine's fault
        if (error instanceof Superseded || isLast || !isEngines) throw error;
        this.stop(); // what a failed start leaves behind is not worth keeping
        why = `${engine === "webgpu" ? GAVE_WAY.webgpu : GAVE_WAY.threads} The reason: ${sentence(error)}`;
      }
    }
    throw new Error("The site has no engine: build it again.");
  }

  /**
   * Loads another model beside the first; after `load`, and again when the worker was lost.
   * @param {import("./protocol.js").ModelFile} model
   * @returns {Promise<import("./protocol.js").ModelInfo>}
   */
  async add(model) {
    const weights = await fetchModel(model, () => {}, this.#downloads.signal);
    return this.#ask({ type: "load", key: model.file, weights }, [weights.buffer]);
  }

  /**
   * @param {import("./protocol.js").Picture} image a file's buffer is handed over
   * @param {string} [key] file of a model that was added; without it the first one
   * @returns {Promise<import("./protocol.js").Timed>}
   */
  async detect(image, key = FIRST) {
    return this.#ask({ type: "detect", key, image }, image instanceof Uint8Array ? [image.buffer] : []);
  }

  /**
   * Inspects one block of an image that the first model has judged.
   * @param {import("./protocol.js").Detection} detection
   * @param {import("./protocol.js").BlockPlace} place
   * @param {number} strongest how many items to picture
   * @returns {Promise<import("./protocol.js").InspectedBlock | null>}
   */
  async inspect({ input, width, height }, place, strongest) {
    return this.#ask({ type: "inspect", image: { input, width, height }, place, strongest });
  }

  /**
   * Whether a request failed because its worker was lost; then the next engine may succeed.
   * @param {unknown} error
   */
  isLost(error) {
    return error instanceof Lost;
  }

  stop() {
    this.#end(new Superseded("The engine was restarted."));
  }

  /**
   * Prepares the worker during the download of the engine, and starts the engine during the download of the model.
   * @param {{ files: import("./protocol.js").EngineFiles, model: import("./protocol.js").ModelFile, threads: number }} what
   * @param {(progress: Progress) => void} onProgress
   */
  async #prepare({ files, model, threads }, onProgress) {
    const { signal } = this.#downloads;
    const parts = fetchParts(files, model, onProgress, signal);
    const [module] = await Promise.all([parts.module, this.#request({ type: "prepare", script: address(files.script), threads })]);
    signal.throwIfAborted();
    const started = this.#request({ type: "start", module }).catch((error) => {
      throw error instanceof Lost ? error : new StartFailed(sentence(error));
    });
    started.catch(() => {}); // whoever waits is told
    const weights = await Promise.race([parts.weights, started.then(() => parts.weights)]); // or until it fails
    signal.throwIfAborted();
    return { started, weights };
  }

  /**
   * @param {{ started: Promise<void>, weights: Uint8Array<ArrayBuffer> }} parts
   * @param {number} patience_ms
   * @returns {Promise<import("./protocol.js").ModelInfo>}
   */
  #start({ started, weights }, patience_ms) {
    return new Promise((resolve, reject) => {
      const timer = patience_ms < Infinity ? window.setTimeout(() => reject(new Error("it did not start in time.")), patience_ms) : 0;
      started
        .then(() => this.#request({ type: "load", key: FIRST, weights }, [weights.buffer]))
        .then(resolve, reject)
        .finally(() => clearTimeout(timer));
    });
  }

  /**
   * Sends a request to the worker; fails if there is no worker.
   * @param {any} request
   * @param {Transferable[]} [transfer]
   */
  #ask(request, transfer) {
    if (!this.#worker) throw new Lost(STOPPED); // while nobody waited for it
    return this.#request(request, transfer);
  }

  /**
   * @param {any} request without its id
   * @param {Transferable[]} [transfer]
   * @returns {Promise<any>}
   */
  #request(request, transfer = []) {
    const worker = (this.#worker ??= this.#spawn());
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.postMessage({ ...request, id }, transfer);
    });
  }

  #spawn() {
    this.#threads = new BroadcastChannel(`daad-${Math.random()}`);
    this.#threads.addEventListener("message", ({ data }) => this.#receive(data));
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: this.#threads.name });
    worker.addEventListener("message", (/** @type {MessageEvent<Reply>} */ { data }) => this.#receive(data));
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#end(event.message ? new Crash(STOPPED) : new Lost("The worker's script could not be loaded: reload the page."));
    });
    return worker;
  }

  /** @param {Reply} reply */
  #receive(reply) {
    if (reply.type === "crashed") return this.#end(new Crash(STOPPED));
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.type === "done") waiting?.resolve(reply.value);
    else waiting?.reject(new Error(reply.message));
  }

  /** @param {Error} error the error with which all open requests are rejected */
  #end(error) {
    this.#worker?.terminate();
    this.#worker = null;
    this.#threads?.close(); // what its threads may still say is of no interest to the next worker
    this.#downloads.abort(error);
    this.#downloads = new AbortController();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }
}

