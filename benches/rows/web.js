/** Scoring an image in the browser, compared with ONNX Runtime Web and LiteRT.js. Our time includes decoding the image and drawing the heat map; the peers' time is only the network's run. */

import { openEngines } from "../support/engines.js";
import { sideBySide } from "../support/measure.js";
import { imageFile, model, onnx, tflite } from "../support/models.js";
import { assertSameScores } from "../support/same.js";

/** @typedef {{ ours: keyof typeof import("../support/engines.js").OURS, peer: import("../support/engines.js").Peer, width: number, size_px: number }} Setting */

const ORT = "ONNX Runtime Web";
const LITERT = "LiteRT.js"; // with several threads it mistakes the surrounding worker for one of its own, so there is no such row

export const rows = [
  row("wasm-1", `wasm SIMD, 1 thread, ${ORT}`, { ours: "wasm-1", peer: { runtime: "onnxruntime", provider: "wasm", threads: 1 }, width: 16, size_px: 256 }),
  row("wasm-2", `wasm SIMD, 2 threads, ${ORT}`, { ours: "wasm-2", peer: { runtime: "onnxruntime", provider: "wasm", threads: 2 }, width: 16, size_px: 256 }),
  // With w = 16 and 256² a software adapter would take seconds per image.
  row("webgpu", `WebGPU on a software adapter, ${ORT}`, { ours: "webgpu", peer: { runtime: "onnxruntime", provider: "webgpu", threads: 1 }, width: 8, size_px: 128 }),
  row("litert-wasm-1", `wasm SIMD, 1 thread, ${LITERT}`, { ours: "wasm-1", peer: { runtime: "litert", provider: "wasm", threads: 1 }, width: 16, size_px: 256 }, 1),
  row("litert-webgpu", `WebGPU on a software adapter, ${LITERT}`, { ours: "webgpu", peer: { runtime: "litert", provider: "webgpu", threads: 1 }, width: 8, size_px: 128 }),
];

/**
 * @param {string} id
 * @param {string} what
 * @param {Setting} setting
 */
function row(id, what, setting, most = 0.5) {
  return {
    id,
    what: `judge an image, ${what}, w = ${setting.width}, ${setting.size_px}²`,
    unit: "ms",
    aim: { of: "ratio", most },
    measure: () => measure(setting),
  };
}

/** @param {Setting} setting */
async function measure({ ours, peer, width, size_px }) {
  const weights = await model(width, size_px);
  const network = await (peer.runtime === "litert" ? tflite : onnx)(weights);
  const engines = await openEngines({ model: weights, network, image: await imageFile(size_px), ours, peer });
  try {
    const { ours, peer } = await engines.first();
    assertSameScores(ours, peer);
    return await sideBySide(() => engines.time("ours"), () => engines.time("peer"));
  } finally {
    await engines.close();
  }
}
