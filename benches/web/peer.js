/** A minimal page that shows a score with ONNX Runtime Web. Its address names the files. */

import { pixels } from "./peer-image.js";

const { script, wasm, model, image, provider } = Object.fromEntries(new URLSearchParams(location.search));

const [{ InferenceSession, Tensor }, weights, input] = await Promise.all([runtime(), fetch(model).then((response) => response.arrayBuffer()), fetch(image).then(async (response) => pixels(await response.blob()))]);
const session = await InferenceSession.create(weights, { executionProviders: [provider] });
const { anomaly_score: score } = await session.run({ image: new Tensor("float32", input.values, [1, 3, input.height, input.width]) });
const output = document.querySelector("output");
output.textContent = score.data[0].toFixed(3);
output.dataset.value = score.data[0];

async function runtime() {
  const ort = await import(script);
  ort.env.wasm.wasmPaths = { wasm };
  return ort;
}
