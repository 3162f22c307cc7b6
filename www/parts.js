/** Downloads the code of an engine, which the browser compiles during the download, and in parallel the model. */

import { download, downloadAs } from "./download.js";

/** @typedef {{ module: Promise<WebAssembly.Module>, weights: Promise<Uint8Array<ArrayBuffer>> }} Parts */

/** The minimum time between two reports of progress. */
const REPORT_MS = 50;

/**
 * @param {import("./protocol.js").EngineFiles} engine
 * @param {import("./protocol.js").ModelFile} model
 * @param {(progress: import("./protocol.js").Progress) => void} onProgress
 * @param {AbortSignal} signal
 * @returns {Parts} promises for both downloads
 */
export function fetchParts(engine, model, onProgress, signal) {
  const total_bytes = engine.bytes + model.bytes;
  let loaded_bytes = 0;
  let reported = -Infinity;
  /** @param {number} bytes */
  const count = (bytes) => {
    loaded_bytes += bytes;
    if (signal.aborted) return;
    if (performance.now() - reported < REPORT_MS && loaded_bytes < total_bytes) return;
    reported = performance.now();
    onProgress({ stage: "downloading", loaded_bytes, total_bytes });
  };
  const module = fetchEngine(engine, count, signal);
  const weights = fetchModel(model, count, signal);
  Promise.all([module, weights]).then(
    () => signal.aborted || onProgress({ stage: "starting", loaded_bytes, total_bytes }),
    () => {}, // whoever waits for one of them is told
  );
  return { module, weights };
}

/**
 * @param {import("./protocol.js").SiteFile} engine
 * @param {(bytes: number) => void} onChunk
 * @param {AbortSignal} signal
 */
export function fetchEngine(engine, onChunk, signal) {
  return downloadAs(engine, "the engine", compile, onChunk, signal);
}

/**
 * Returns a new copy of the model's bytes, because a worker takes over the buffer that it gets.
 * @param {import("./protocol.js").ModelFile} model
 * @param {(bytes: number) => void} onChunk
 * @param {AbortSignal} signal
 */
export async function fetchModel(model, onChunk, signal) {
  if (!model.weights) return download(model, `the model ${model.name}`, onChunk, signal);
  onChunk(model.bytes);
  return model.weights.slice();
}

/** @param {Response} response */
async function compile(response) {
  const isWasm = response.headers.get("content-type") === "application/wasm"; // what a browser insists on to compile a stream
  const module = isWasm ? WebAssembly.compileStreaming(response) : response.arrayBuffer().then((bytes) => WebAssembly.compile(bytes));
  return module.catch(explain);
}

/** @param {unknown} error of a browser that compiles or links an engine @returns {never} */
export function explain(error) {
  if (error instanceof WebAssembly.CompileError || error instanceof WebAssembly.LinkError) throw new Error("This browser cannot run the engine: it is too old, or the site is damaged.");
  throw error;
}
