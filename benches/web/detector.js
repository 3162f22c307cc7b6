/**
 * The part of the package's interface that the page needs for its first image, on ONNX Runtime Web. In a copy of the page it takes the place of the package.
 * It runs in the page's own thread, which is a tenth faster here than a worker.
 */

import { pixels } from "./peer-image.js";

/* global PEER */
// The benchmark inserts PEER: what the model file says, and the addresses of the peer's files.
const { info, files } = PEER;

export class DaadError extends Error {}

export class Detector {
  info = info;
  threshold = info.threshold;
  engine = { backend: "wasm", threads: 1, gpu: "", note: "" };
  #runtime = import(files.script);
  #session;

  /** @param {string | Promise<string>} source the address of our model; the peer's model is requested as late as ours, when the list of models has arrived */
  static async load(source) {
    const detector = new Detector();
    await source;
    const weights = await (await fetch(files.model)).arrayBuffer();
    const { env, InferenceSession } = await detector.#runtime;
    env.wasm.wasmPaths = { wasm: files.wasm };
    detector.#session = await InferenceSession.create(weights, { executionProviders: ["wasm"] });
    return detector;
  }

  /** @param {ArrayBuffer} image a file */
  async detect(image) {
    const start = performance.now();
    const { Tensor } = await this.#runtime;
    const { values, width, height, rgba: input } = await pixels(new Blob([image]));
    const { anomaly_score, reconstruction_score, alignment_score, reconstruction, error_map } = await this.#session.run({ image: new Tensor("float32", values, [1, 3, height, width]) });
    const plane = width * height;
    const rebuilt = new Uint8ClampedArray(4 * plane).fill(255);
    const heatMap = new Uint8ClampedArray(4 * plane).fill(255);
    for (let at = 0; at < plane; at++) {
      for (let channel = 0; channel < 3; channel++) rebuilt[4 * at + channel] = (reconstruction.data[channel * plane + at] + 1) * 127.5;
      heatMap.fill(2550 * error_map.data[at], 4 * at, 4 * at + 3); // grey, which costs less than colours
    }
    const score = anomaly_score.data[0];
    const anomalous = score > this.threshold;
    return {
      ...{ score, anomalous, verdict: anomalous ? "anomalous" : "normal", threshold: this.threshold, unfamiliarity: 0, note: "" },
      ...{ reconstructionScore: reconstruction_score.data[0], alignmentScore: alignment_score?.data[0] ?? null },
      ...{ input, reconstruction: rebuilt, errorMap: error_map.data, heatMap, width, height, elapsedMs: performance.now() - start },
    };
  }

  close() {}
}
