/** The worker: owns the engine and the detector, answers the page's requests. */

import { enlist, importScript, recruit } from "./engine.js";
import { explain } from "./parts.js";

/** @typedef {import("./protocol.js").Request} Request */
/** @typedef {import("./protocol.js").Reply} Reply */

/** @type {{ script: string, library: import("./protocol.js").Engine, crew: ReturnType<typeof recruit> } | null} */
let prepared = null;
/** The detectors by key, one for each model that the page uses at the same time. @type {Map<string, import("./protocol.js").Detector>} */
const detectors = new Map();

/** The image that was inspected last. @type {{ detector: import("./protocol.js").Detector, input: Uint8ClampedArray, inspector: import("./protocol.js").Inspector } | null} */
let encoded = null;

/**
 * @param {Reply} reply
 * @param {Transferable[]} [transfer]
 */
function send(reply, transfer = []) {
  self.postMessage(reply, { transfer });
}

/**
 * Does everything that is possible before the engine is downloaded.
 * @param {Extract<Request, { type: "prepare" }>} request
 */
async function prepare({ script, threads }) {
  const crew = recruit(threads - 1);
  prepared = { script, crew, library: await importScript(script) };
}

/**
 * Does everything that is possible before the model is downloaded. If the code has run once before, the first image takes half the time.
 * @param {Extract<Request, { type: "start" }>} request
 */
async function start({ module }) {
  const { script, library, crew } = need(prepared, "prepare");
  const { memory } = await library.default({ module_or_path: module }).catch(explain);
  await Promise.all(crew.map((thread) => enlist(thread, { script, module, memory })));
  await library.warmUp?.();
}

/**
 * @param {Extract<Request, { type: "load" }>} request
 * @returns {Promise<import("./protocol.js").ModelInfo>}
 */
async function load({ key, weights }) {
  const detector = await need(prepared, "prepare").library.Detector.load(weights);
  detectors.set(key, detector); // what was there may still be at work: the garbage collector frees it
  return detector.info();
}

/**
 * @template T
 * @param {T | null | undefined} value
 * @param {Request["type"]} request
 * @returns {T}
 */
function need(value, request) {
  if (!value) throw new Error(`The worker was not asked to ${request} yet.`);
  return value;
}

/**
 * @param {Extract<Request, { type: "detect" }>} request
 * @returns {Promise<import("./protocol.js").Timed>}
 */
async function detect({ key, image }) {
  const detector = need(detectors.get(key), "load");
  const start = performance.now();
  const detection = await detector.detect(image);
  return { detection, elapsed_ms: performance.now() - start };
}

/**
 * Encodes an image whose blocks are to be inspected. The last one is kept: one block after the other is asked for.
 * @param {Extract<Request, { type: "inspect" }>["image"]} image
 */
function inspector({ input, width, height }) {
  const detector = need(detectors.get(""), "load");
  const isKept = encoded?.detector === detector && encoded.input.length === input.length && input.every((value, at) => value === encoded?.input[at]);
  if (!encoded || !isKept) encoded = { detector, input, inspector: detector.inspector(input, width, height) };
  return encoded.inspector;
}

/** @param {Request} request */
async function answer(request) {
  switch (request.type) {
    case "prepare":
      return { value: await prepare(request), transfer: [] };
    case "start":
      return { value: await start(request), transfer: [] };
    case "load":
      return { value: await load(request), transfer: [] };
    case "detect": {
      const value = await detect(request);
      const { input, reconstruction, errorMap, heatMap } = value.detection;
      return { value, transfer: [input.buffer, reconstruction.buffer, errorMap.buffer, heatMap.buffer] };
    }
    case "inspect": {
      const { scale, row, column } = request.place;
      return { value: await inspector(request.image).block(scale, row, column, request.strongest), transfer: [] };
    }
  }
}

self.addEventListener("message", async (/** @type {MessageEvent<Request>} */ { data }) => {
  try {
    const { value, transfer } = await answer(data);
    send({ id: data.id, type: "done", value }, transfer);
  } catch (error) {
    // A trap (a Rust panic) leaves the engine's memory in an unknown state: the page starts a new worker.
    if (error instanceof WebAssembly.RuntimeError) send({ type: "crashed" });
    else send({ id: data.id, type: "failed", message: error instanceof Error ? error.message : String(error) });
  }
});

// A panic inside the engine's own promises does not reject an awaited promise. It is reported here, or as the worker's error event.
self.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  send({ type: "crashed" });
});
