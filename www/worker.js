/** The worker: owns the engine and the detector, answers the page's requests. It and the engine's threads are the only importers of `pkg/`. */

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
async function load({ id, manifest, model, engine, threads }) {
  const files = manifest.engines[engine] ?? manifest.engines.cpu;
  const total_bytes = files.bytes + model.bytes;
  let loaded_bytes = 0;
  let reported = -Infinity;
  /** @param {number} bytes */
  const count = (bytes) => {
    loaded_bytes += bytes;
    if (performance.now() - reported < 50 && loaded_bytes < total_bytes) return;
    reported = performance.now();
    send({ id, type: "progress", progress: { stage: "downloading", loaded_bytes, total_bytes } });
  };
  // All at once: the browser compiles the engine while it comes down, and the model comes down beside it.
  const crew = recruit(threads > 1 ? threads : 0);
  const [library, module, weights] = await Promise.all([
    importScript(address(files.script)),
    download(files, "the engine", compile, count),
    download(model, `the model ${model.name}`, (response) => response.arrayBuffer(), count),
  ]);
  send({ id, type: "progress", progress: { stage: "starting", loaded_bytes, total_bytes } });
  const { memory } = await library.default({ module_or_path: module }).catch(explain);
  if (crew.length > 0) {
    await Promise.all(crew.map((thread) => enlist(thread, { script: address(files.script), module, memory })));
    library.startThreads(crew.length);
  }
  detector = await library.Detector.load(new Uint8Array(weights));
  return detector.info();
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

/** @param {Response} response */
async function compile(response) {
  const isWasm = response.headers.get("content-type") === "application/wasm"; // what a browser insists on to compile a stream
  const module = isWasm ? WebAssembly.compileStreaming(response) : response.arrayBuffer().then((bytes) => WebAssembly.compile(bytes));
  return module.catch(explain);
}

/** @param {unknown} error of a browser that compiles the engine @returns {never} */
function explain(error) {
  if (error instanceof WebAssembly.CompileError || error instanceof WebAssembly.LinkError) throw new Error("This browser cannot run the engine: it is too old, or the site is damaged.");
  throw error;
}

/** Workers that start while the engine comes down. They live as long as this one. @param {number} count */
function recruit(count) {
  return Array.from({ length: count }, () => new Worker(new URL("./thread.js", import.meta.url), { type: "module", name: self.name }));
}

/**
 * @param {Worker} thread
 * @param {import("./thread.js").Orders} orders
 */
function enlist(thread, orders) {
  return new Promise((resolve, reject) => {
    thread.addEventListener("message", ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data)), { once: true });
    thread.addEventListener("error", () => reject(new Error("a thread did not start.")), { once: true });
    thread.postMessage(orders);
  });
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
