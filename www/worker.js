/** The worker: owns the engine and the detector, answers the page's requests. The only importer of `pkg/`. */

import { probe } from "./backend.js";
import { address, download, request } from "./download.js";

/** @typedef {import("./protocol.js").Request} Request */
/** @typedef {import("./protocol.js").Reply} Reply */

/** @type {import("./protocol.js").Detector | null} */
let detector = null;

/**
 * @param {Reply} reply
 * @param {Transferable[]} [transfer]
 */
function send(reply, transfer = []) {
  self.postMessage(reply, { transfer });
}

/**
 * @param {Extract<Request, { type: "load" }>} request
 * @returns {Promise<import("./protocol.js").ModelInfo>}
 */
async function load({ id, manifest, model, backend }) {
  const total_bytes = manifest.engine.bytes + model.bytes;
  let loaded_bytes = 0;
  let reported = -Infinity;
  /** @param {number} bytes */
  const count = (bytes) => {
    loaded_bytes += bytes;
    if (performance.now() - reported < 50 && loaded_bytes < total_bytes) return;
    reported = performance.now();
    send({ id, type: "progress", progress: { stage: "downloading", loaded_bytes, total_bytes } });
  };
  // The model comes down while the browser compiles the engine.
  const [engine, weights] = await Promise.all([startEngine(manifest, count), downloadModel(model, count)]);
  send({ id, type: "progress", progress: { stage: "starting", loaded_bytes, total_bytes } });
  detector = await engine.Detector.load(weights, backend);
  return detector.info();
}

/**
 * @param {import("./protocol.js").Manifest} manifest
 * @param {(bytes: number) => void} count
 * @returns {Promise<import("./protocol.js").Engine>}
 */
async function startEngine({ engine }, count) {
  const { response, whole } = await download(engine, "the engine", count);
  const module = await importScript(address(engine.script));
  await Promise.all([whole, module.default({ module_or_path: response }).catch(explain)]);
  return module;
}

/**
 * @param {string} url
 * @returns {Promise<import("./protocol.js").Engine>}
 */
function importScript(url) {
  return import(url).catch(async () => {
    await request(url, "the engine"); // `import` keeps to itself what went wrong
    throw new Error("The engine's script does not run: the site is damaged, so build it again.");
  });
}

/** @param {unknown} error of a browser that compiles the engine */
function explain(error) {
  if (error instanceof WebAssembly.CompileError || error instanceof WebAssembly.LinkError) throw new Error("This browser cannot run the engine: it is too old, or the site is damaged.");
  throw error;
}

/**
 * @param {import("./protocol.js").ModelFile} model
 * @param {(bytes: number) => void} count
 */
async function downloadModel(model, count) {
  const { response, whole } = await download(model, `the model ${model.name}`, count);
  const [bytes] = await Promise.all([response.arrayBuffer(), whole]);
  return new Uint8Array(bytes);
}

/**
 * @param {Uint8Array} image
 * @returns {Promise<import("./protocol.js").Timed>}
 */
async function detect(image) {
  if (!detector) throw new Error("No model is loaded yet.");
  const start = performance.now();
  const detection = await detector.detect(image);
  return { detection, elapsed_ms: performance.now() - start };
}

/** @param {Request} request */
async function answer(request) {
  switch (request.type) {
    case "probe":
      return { value: await probe(), transfer: [] };
    case "load":
      return { value: await load(request), transfer: [] };
    case "detect": {
      const value = await detect(request.image);
      const { input, reconstruction, error_map, heat_map } = value.detection;
      return { value, transfer: [input.buffer, reconstruction.buffer, error_map.buffer, heat_map.buffer] };
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

// A panic inside the engine's own promises reaches nobody who awaits: it surfaces here, or as the worker's error event.
self.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  send({ type: "crashed" });
});
