/** A minimal page that shows a score with ONNX Runtime Web. Its address names the files. */

const { script, wasm, model, image, provider } = Object.fromEntries(new URLSearchParams(location.search));

const [{ InferenceSession, Tensor }, weights, input] = await Promise.all([runtime(), fetch(model).then((response) => response.arrayBuffer()), pixels()]);
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

/** [3, H, W] in [-1, 1]. */
async function pixels() {
  const bitmap = await createImageBitmap(await (await fetch(image)).blob());
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const plane = width * height;
  const values = new Float32Array(3 * plane);
  for (let at = 0; at < plane; at++) for (let channel = 0; channel < 3; channel++) values[channel * plane + at] = data[4 * at + channel] / 127.5 - 1;
  return { values, width, height };
}
