/** Owns an engine and its models, and answers requests for them: in a worker, or in the caller's thread. */

import { Lost } from "./errors.js";
import { prepareEngine } from "./engine.js";

/**
 * A request, in this order: `prepare` while the engine's code is downloaded, `start`, then the others. `key` identifies a model.
 * @typedef {({ type: "prepare" } & import("./engine.js").Preparation)
 *   | { type: "start", module: WebAssembly.Module }
 *   | { type: "warm-up" }
 *   | { type: "load", key: number, model: Uint8Array }
 *   | { type: "unload", key: number }
 *   | { type: "detect", key: number, image: import("./engine.js").EngineImage }
 *   | { type: "batch", key: number, images: readonly import("./engine.js").EngineImage[] }
 *   | { type: "tiled", key: number, image: import("./engine.js").EngineImage, options: { tile?: number | undefined, overlap?: number | undefined, errorMap?: boolean | undefined } }
 *   | { type: "inspect", key: number, image: import("./types.js").Pixels, place: import("./types.js").BlockPlace, strongest: number }} Request
 */

export function createService() {
  /** @type {Awaited<ReturnType<typeof prepareEngine>> | null} */
  let prepared = null;
  /** @type {import("./engine.js").Engine | null} */
  let engine = null;
  /** @type {Map<number, import("./engine.js").EngineDetector>} */
  const detectors = new Map();
  /** The image that was inspected last. It is kept, because a visitor usually inspects several blocks of the same image. @type {{ detector: import("./engine.js").EngineDetector, data: Uint8Array | Uint8ClampedArray, inspector: import("./engine.js").EngineInspector } | null} */
  let inspected = null;

  /** @param {number} key */
  function detector(key) {
    const detector = detectors.get(key);
    if (!detector) throw new Lost("the model is not loaded");
    return detector;
  }

  /** @param {Extract<Request, { type: "inspect" }>} request */
  function inspector({ key, image }) {
    const own = detector(key);
    const { data, width, height } = image;
    const isKept = inspected?.detector === own && inspected.data.length === data.length && inspected.data.every((value, at) => value === data[at]);
    if (!inspected || !isKept) {
      forget();
      const copy = new Uint8ClampedArray(data); // without a worker, `data` is the caller's own array
      inspected = { detector: own, data: copy, inspector: own.inspector(copy, width, height) };
    }
    return inspected.inspector;
  }

  /** Frees the image that was inspected last. */
  function forget() {
    inspected?.inspector.free();
    inspected = null;
  }

  /**
   * Answers one request, and reports its progress.
   * @param {Request} request
   * @param {(done: number, all: number) => void} onProgress
   * @returns {Promise<unknown>}
   */
  return async function answer(request, onProgress) {
    switch (request.type) {
      case "prepare":
        prepared = await prepareEngine(request);
        return;
      case "start":
        if (!prepared) throw new Lost("the engine is not prepared");
        engine = await prepared.start(request.module);
        return;
      case "warm-up":
        return engine?.warmUp?.();
      case "load": {
        if (!engine) throw new Lost("the engine is not started");
        const loaded = await engine.Detector.load(request.model);
        detectors.set(request.key, loaded);
        return loaded.info();
      }
      case "unload":
        if (inspected?.detector === detectors.get(request.key)) forget();
        detectors.get(request.key)?.free();
        detectors.delete(request.key);
        return;
      case "detect":
        return timed(() => detector(request.key).detect(request.image));
      case "batch": {
        const { value, elapsedMs } = await clocked(() => detector(request.key).detectBatch(request.images));
        return value.map((detection) => ({ ...detection, elapsedMs: elapsedMs / value.length }));
      }
      case "tiled":
        return timed(() => detector(request.key).detectTiled(request.image, request.options, onProgress));
      case "inspect": {
        const { scale, row, column } = request.place;
        return inspector(request).block(scale, row, column, request.strongest);
      }
    }
  };
}

/** @template {object} T @param {() => Promise<T>} work */
async function timed(work) {
  const { value, elapsedMs } = await clocked(work);
  return { ...value, elapsedMs };
}

/** @template T @param {() => Promise<T>} work */
async function clocked(work) {
  const start = performance.now();
  const value = await work();
  return { value, elapsedMs: performance.now() - start };
}

/**
 * The buffers of an answer, so that they are transferred instead of copied.
 * @param {unknown} value
 * @returns {ArrayBuffer[]}
 */
export function buffersOf(value) {
  if (ArrayBuffer.isView(value)) return value.buffer instanceof ArrayBuffer ? [value.buffer] : [];
  if (typeof value !== "object" || !value) return [];
  return Object.values(value).flatMap(buffersOf);
}
