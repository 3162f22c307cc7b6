/** The engines: the Rust library, compiled to wasm for several kinds of machine. */

/** @typedef {"webgpu" | "cpu-threads-relaxed" | "cpu-threads" | "cpu" | "learn-threads"} EngineName a folder of `engines/` */

/**
 * The object that `daad.js` in each folder of `engines/` creates. Each call creates a new engine, so that an engine that trapped can be replaced.
 * @typedef {object} Engine
 * @property {(input: { module_or_path: WebAssembly.Module, memory?: WebAssembly.Memory }) => Promise<{ memory: WebAssembly.Memory }>} default
 * @property {{ load(model: Uint8Array): Promise<EngineDetector> }} Detector
 * @property {(() => Promise<void>) | undefined} [warmUp] only in engines that have something to warm up
 * @property {((count: number) => void) | undefined} [startThreads] only in engines with threads: makes a pool of this thread and of those that call `runThread`
 * @property {() => void} runThread only in engines with threads; it does not return
 * @property {{ begin(plan: import("./plan.js").Plan, images: readonly EngineImage[]): Promise<EngineTraining> }} Training only in the engines that train
 */

/** The bytes of a file, or pixels. @typedef {Uint8Array | import("./types.js").Pixels} EngineImage */

/** @typedef {Omit<import("./types.js").Detection, "elapsedMs">} EngineDetection */
/** @typedef {Omit<import("./types.js").TiledDetection, "elapsedMs">} EngineTiledDetection */

/**
 * @typedef {object} EngineDetector
 * @property {() => import("./types.js").ModelInfo} info
 * @property {(image: EngineImage) => Promise<EngineDetection>} detect
 * @property {(images: readonly EngineImage[]) => Promise<EngineDetection[]>} detectBatch
 * @property {(image: EngineImage, options: { tile?: number | undefined, overlap?: number | undefined, errorMap?: boolean | undefined }, onScored: (done: number, all: number) => void) => Promise<EngineTiledDetection>} detectTiled
 * @property {(rgba: Uint8ClampedArray, width: number, height: number) => EngineInspector} inspector of an image of the model's size
 * @property {() => void} free
 */

/**
 * @typedef {object} EngineInspector
 * @property {(scale: number, row: number, column: number, strongest: number) => Promise<import("./types.js").InspectedBlock | null>} block null if the scale has no memory
 * @property {() => void} free
 */

/**
 * @typedef {object} EngineTraining
 * @property {number} trainedOn
 * @property {number} heldOut
 * @property {number} meanImageError
 * @property {(share: number) => Promise<{ loss: number, epochs: number }>} step trains on one batch; `share` is the elapsed share of the training time, from 0 to 1
 * @property {(index: number) => Promise<import("./plan.js").Rebuilt>} rebuild reconstructs a held-out image
 * @property {(data: string) => Promise<Uint8Array<ArrayBuffer>>} finish returns the model file
 */

/** A worker of the host. @typedef {{ post(message: unknown, transfer?: Transferable[]): void, end(): void, hold(isBusy: boolean): void }} Crew */

/** @typedef {{ script: string, worker: string, threads: number, channel: string }} Preparation the addresses of the engine's script and of the worker's script; `channel`: where threads report a trap */

import { importAt, spawn } from "#platform";
import { DaadError } from "./errors.js";

/**
 * Imports an engine's script.
 * @param {string} url
 * @returns {Promise<() => Engine>}
 */
export async function importScript(url) {
  try {
    const { default: create } = await importAt(url);
    return create;
  } catch {
    throw new DaadError("download", "The engine's script could not be loaded: check the connection, and that the package was copied whole.");
  }
}

/**
 * Does everything that is possible before the engine's code is downloaded; then `start` starts the engine.
 * @param {Preparation} preparation
 */
export async function prepareEngine({ script, worker, threads, channel }) {
  const crew = Array.from({ length: threads - 1 }, () => recruit(worker));
  const create = await importScript(script);
  return {
    /** @param {WebAssembly.Module} module */
    async start(module) {
      const engine = create();
      const { memory } = await engine.default({ module_or_path: module });
      await Promise.all(crew.map((thread) => thread.join({ type: "thread", script, module, memory, channel })));
      engine.startThreads?.(threads);
      return engine;
    },
  };
}

/**
 * Starts a worker for a thread of the engine. It ends when the worker that started it ends.
 * @param {string} worker
 */
function recruit(worker) {
  let settle = (/** @type {string} */ _error) => {};
  /** @type {Promise<void>} */
  const joined = new Promise((resolve, reject) => (settle = (error) => (error ? reject(new Error(error)) : resolve())));
  joined.catch(() => {}); // it may fail before it is awaited
  const thread = spawn(worker, ({ error }) => settle(error), () => settle("a thread did not start"));
  return {
    /** @param {unknown} orders */
    join(orders) {
      thread.post(orders);
      return joined;
    },
  };
}
