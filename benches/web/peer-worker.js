/** ONNX Runtime Web in a worker that answers as the page's does. */

import "./memory.js";

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
 * The image that came last; only the network's run is timed.
 * @param {{ pixels?: Uint8ClampedArray }} request
 */
async function detect({ pixels }) {
  if (pixels) image = toTensor(pixels);
  const start = performance.now();
  const { error_map, r, l } = await session.run({ image });
  const elapsedMs = performance.now() - start;
  return { elapsedMs, errorMap: error_map.data, reconstructionScore: r.data[0], alignmentScore: l.data[0] };
}

/** RGBA of a square image to [1, 3, H, W] in [-1, 1]. */
function toTensor(pixels) {
  const plane = pixels.length / 4;
  const side = Math.sqrt(plane);
  const values = new Float32Array(3 * plane);
  for (let at = 0; at < plane; at++) for (let channel = 0; channel < 3; channel++) values[channel * plane + at] = pixels[4 * at + channel] / 127.5 - 1;
  return new Tensor("float32", values, [1, 3, side, side]);
}

self.addEventListener("message", async ({ data }) => {
  try {
    self.postMessage({ id: data.id, value: await { load, detect }[data.type](data) });
  } catch (error) {
    self.postMessage({ id: data.id, error: { message: String(error?.stack ?? error) } });
  }
});
