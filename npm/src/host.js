/** Keeps an engine running: starts it, restarts it when it is lost, and changes to the next engine if this one does not work. */

import { connect, usable, workerAddress } from "#connection";
import { compile, cpu, probe, scriptAddress } from "#platform";
import { NO_GPU, checkBackend, plan } from "./backend.js";
import { DaadError, Lost, sentence } from "./errors.js";

/** Why an engine was replaced by the next one. */
const GAVE_WAY = {
  webgpu: "WebGPU was tried and did not work, so the CPU does the work.",
  threads: "Threads were tried and did not work, so one core does the work.",
};

/** If the model has not arrived this long after the engine started, it is expected to take long enough for the warm-up. */
const SHORT_MS = 50;

/** @typedef {import("./engine.js").EngineName} EngineName */
/** A request about a model. @typedef {Extract<import("./service.js").Request, { key: number }>} Order */
/** @typedef {{ engines: readonly EngineName[], note: string, gpu: string, threads: number }} Choice the engines in the order to try them */
/** @typedef {{ connection: ReturnType<typeof connect>, loaded: Set<number> }} Running `loaded`: the models that the engine has */

export class Host {
  #patienceMs;
  /** @type {Promise<Choice>} */
  #choice;
  /** Which engine of the choice is used. */
  #at = 0;
  /** @type {Running | null} */
  #running = null;
  /** The model files, so that a restarted engine can load them again. @type {Map<number, Uint8Array>} */
  #models = new Map();
  #lastKey = 0;
  /** The end of the last request in the queue. Requests run one at a time, so that the host knows which request an engine was lost with. @type {Promise<unknown>} */
  #tail = Promise.resolve();
  /** @type {import("./types.js").EngineInfo} */
  #info = { backend: "wasm", threads: 1, gpu: "", note: "" };

  /** @param {import("./types.js").LoadOptions} options */
  constructor({ backend = "auto", threads = Infinity, patienceMs = 60_000 }) {
    checkBackend(backend);
    if (!(threads >= 1)) throw new DaadError("argument", `At least one thread is needed, not ${threads}.`);
    if (!(patienceMs > 0)) throw new DaadError("argument", `patienceMs is a number above 0, not ${patienceMs}.`);
    this.#patienceMs = patienceMs;
    this.#choice = choose(backend, threads);
  }

  /** The engine that is in use. */
  get info() {
    return this.#info;
  }

  /**
   * Starts the engine while the model is being read, then loads the model.
   * @param {Promise<Uint8Array>} model
   * @param {AbortSignal} signal
   * @param {(loaded: number, total: number) => void} onDownload called with the number of bytes of the engine's code so far
   * @param {() => void} onStarting called when both downloads are complete and the engine loads the model
   * @returns {Promise<{ key: number, info: import("./types.js").ModelInfo }>}
   */
  async add(model, signal, onDownload, onStarting) {
    model.catch(() => {}); // it is awaited below
    const key = ++this.#lastKey;
    const started = this.#enqueue(() => this.#start(signal, onDownload), signal);
    started.then(() => setTimeout(() => this.#warmUp(), SHORT_MS), () => {});
    try {
      const [bytes] = await Promise.all([unlessAborted(model, signal), started]);
      onStarting();
      this.#models.set(key, bytes);
      return { key, info: await this.request({ type: "load", key, model: bytes }, signal) };
    } catch (error) {
      this.remove(key); // the engine may have loaded it, or have been started for it alone
      throw error;
    }
  }

  /**
   * Runs the engine's code once, because the first image then takes half the time. The warm-up takes as long as it saves, so it runs only while the engine
   * waits for its first model.
   */
  #warmUp() {
    const warmUp = async () => this.#running?.loaded.size === 0 && this.#running.connection.request({ type: "warm-up" });
    this.#enqueue(warmUp).catch(() => {}); // the next request reports a lost engine
  }

  /**
   * @param {Order} request
   * @param {AbortSignal | undefined} signal
   * @param {(done: number, all: number) => void} [onProgress]
   * @returns {Promise<any>}
   */
  request(request, signal, onProgress = () => {}) {
    return this.#enqueue(() => {
      // An engine receives no messages between two tiles, and the tiles of an image may take minutes. So an abort ends the engine.
      const stop = () => this.#drop(signal?.reason);
      if (request.type === "tiled") signal?.addEventListener("abort", stop, { once: true });
      return this.#persist(request, onProgress, signal).finally(() => signal?.removeEventListener("abort", stop));
    }, signal);
  }

  /** Forgets a model, and ends the engine with the last one. @param {number} key */
  remove(key) {
    this.#models.delete(key);
    if (this.#models.size === 0) return this.#drop(closed());
    if (this.#running?.loaded.delete(key)) this.#enqueue(async () => this.#running?.connection.request({ type: "unload", key })).catch(() => {}); // if the engine is lost, the model is freed with it
  }

  /**
   * @template T
   * @param {() => Promise<T>} work
   * @param {AbortSignal} [signal] if it aborts, the promise is rejected at once with its reason, and work that has not begun is skipped
   * @returns {Promise<T>}
   */
  #enqueue(work, signal) {
    const turn = this.#tail.then(() => {
      signal?.throwIfAborted();
      return work();
    });
    this.#tail = turn.catch(() => {});
    return unlessAborted(turn, signal);
  }

  /**
   * Sends a request. If the engine is lost during the request, it is restarted for a second attempt; after that, each of the next engines gets one attempt.
   * @param {Order} request
   * @param {(done: number, all: number) => void} onProgress
   * @param {AbortSignal} [signal]
   */
  async #persist(request, onProgress, signal) {
    const { engines } = await this.#choice;
    const first = this.#at;
    const firstInfo = this.#info;
    for (let tries = 1; ; tries++) {
      try {
        return await this.#ask(request, onProgress, signal);
      } catch (error) {
        if (!(error instanceof Lost)) throw error;
        this.#drop(error);
        const isLast = this.#at + 1 >= engines.length;
        // `load` reports a device that computes wrong values as lost. The same engine would fail again, so it gets no second attempt.
        if (tries === 1 && (isLast || request.type !== "load")) continue;
        if (isLast) {
          this.#at = first; // all engines failed at this request, so the first one is not to blame and stays in use
          this.#info = firstInfo;
          throw new DaadError("engine", `${sentence(error)} It was tried again${first === engines.length - 1 ? "" : ", and on the CPU,"} and failed again.`);
        }
        this.#giveWay(engines, error);
      }
    }
  }

  /**
   * @param {Order} request
   * @param {(done: number, all: number) => void} onProgress
   * @param {AbortSignal} [signal]
   */
  async #ask(request, onProgress, signal) {
    const model = this.#models.get(request.key);
    if (!model) throw closed();
    const { connection, loaded } = await this.#start();
    // While the engine was started, there was none that a closed detector or an abort could end.
    if (!this.#models.has(request.key)) {
      if (this.#models.size === 0) this.#drop(closed());
      throw closed();
    }
    signal?.throwIfAborted();
    const isHere = loaded.has(request.key);
    loaded.add(request.key); // before it is loaded, so that `remove` frees it even if the detector is closed meanwhile
    if (!isHere && request.type !== "load") await connection.request({ type: "load", key: request.key, model });
    signal?.throwIfAborted();
    return connection.request(request, { onProgress });
  }

  /**
   * Starts the engine if none is running. If it does not start, the next engine that starts is used.
   * @param {AbortSignal} [signal]
   * @param {(loaded: number, total: number) => void} [onDownload]
   */
  async #start(signal = new AbortController().signal, onDownload = () => {}) {
    const { engines } = await this.#choice;
    for (let tries = 1; !this.#running; tries++) {
      const isLast = this.#at + 1 >= engines.length;
      try {
        this.#running = await this.#startOne(signal, onDownload, isLast);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof DaadError && error.code === "download" && tries === 1) continue; // a connection may break, so the download is tried once more
        if (isLast) throw error instanceof DaadError ? error : new DaadError("engine", `The engine did not start: ${sentence(error)}`);
        this.#giveWay(engines, error);
      }
    }
    return this.#running;
  }

  /**
   * @param {AbortSignal} signal
   * @param {(loaded: number, total: number) => void} onDownload
   * @param {boolean} isLast whether there is no next engine; then this one has no time limit
   * @returns {Promise<Running>}
   */
  async #startOne(signal, onDownload, isLast) {
    const { engines, gpu, note, threads: most } = await this.#choice;
    const engine = /** @type {EngineName} */ (engines[this.#at]);
    const threads = engine.startsWith("cpu-threads") ? most : 1;
    const downloads = new AbortController();
    const follow = () => downloads.abort(signal.reason);
    signal.addEventListener("abort", follow);
    const connection = connect(this.#patienceMs);
    try {
      let loaded = 0;
      const module = compile(engine, (bytes) => onDownload((loaded += bytes), ENGINE_BYTES[engine] ?? 0), downloads.signal);
      module.catch(() => {}); // it is awaited below
      await unlessAborted(connection.request({ type: "prepare", script: scriptAddress(engine), worker: workerAddress(), threads, channel: connection.channel }, { isPatient: isLast }), signal);
      await unlessAborted(connection.request({ type: "start", module: await module }, { isPatient: isLast }), signal);
      const isGpu = engine === "webgpu";
      this.#info = { backend: isGpu ? "webgpu" : "wasm", threads, gpu: isGpu ? gpu : "", note: this.#info.note || note };
      return { connection, loaded: new Set() };
    } catch (error) {
      downloads.abort();
      connection.end(new Lost("the engine did not start"));
      throw error;
    } finally {
      signal.removeEventListener("abort", follow);
    }
  }

  /** @param {readonly EngineName[]} engines @param {unknown} error */
  #giveWay(engines, error) {
    const why = engines[this.#at] === "webgpu" ? GAVE_WAY.webgpu : GAVE_WAY.threads;
    this.#info = { ...this.#info, note: `${why} The reason: ${sentence(error)}` };
    this.#at += 1;
  }

  /** @param {Error} error for the open requests */
  #drop(error) {
    this.#running?.connection.end(error);
    this.#running = null;
  }
}

function closed() {
  return new DaadError("closed", "The detector was closed.");
}

/**
 * @param {"auto" | import("./types.js").Backend} backend
 * @param {number} mostThreads
 * @returns {Promise<Choice>}
 */
async function choose(backend, mostThreads) {
  const gpu = backend === "wasm" ? NO_GPU : await probe();
  const found = cpu();
  const threads = Math.min(found.threads, mostThreads);
  const { engines, note } = plan(backend, gpu, { ...found, threads }, ENGINE_BYTES);
  return { engines: usable(engines), note, gpu: gpu.name, threads };
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>}
 */
export function unlessAborted(promise, signal) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
