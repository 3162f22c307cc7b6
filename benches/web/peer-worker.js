/** ONNX Runtime Web in a worker that answers like the package's worker. */

import "./memory.js";
import { answer, planes } from "./answers.js";

let session, Tensor, image;

/** @param {{ script: string, wasm: string, model: string, provider: string, threads: number }} request */
async function load({ script, wasm, model, provider, threads }) {
  const ort = await import(script);
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = { wasm };
  session = await ort.InferenceSession.create(model, { executionProviders: [provider], graphOptimizationLevel: "all" });
  Tensor = ort.Tensor;
}

/**
 * Scores the last image. Only the network's run is timed.
 * @param {{ pixels?: Uint8ClampedArray }} request
 */
async function detect({ pixels }) {
  if (pixels) image = toTensor(pixels);
  const start = performance.now();
  const { error_map, r, l } = await session.run({ image });
  const elapsedMs = performance.now() - start;
  return { elapsedMs, errorMap: error_map.data, reconstructionScore: r.data[0], alignmentScore: l.data[0] };
}

/** @param {Uint8ClampedArray} pixels */
function toTensor(pixels) {
  const { values, side } = planes(pixels);
  return new Tensor("float32", values, [1, 3, side, side]);
}

answer({ load, detect });
