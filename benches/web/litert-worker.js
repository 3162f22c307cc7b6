/** LiteRT.js in a worker that answers as the page's does. It loads its runtime by `importScripts`, so it is a classic worker, made by site.js as one file. */

import "./memory.js";
import { Tensor, loadAndCompile, loadLiteRt } from "@litertjs/core";
import { answer, planes } from "./answers.js";

let compiled, image;

/** @param {{ runtime: string, model: string, provider: string, threads: number }} request */
async function load({ runtime, model, provider, threads }) {
  await loadLiteRt(runtime, { threads: threads > 1 });
  compiled = await loadAndCompile(model, { accelerator: provider, cpuOptions: { numThreads: threads } });
}

/**
 * The image that came last; what is timed is the network's run, with its input and its results copied.
 * @param {{ pixels?: Uint8ClampedArray }} request
 */
async function detect({ pixels }) {
  if (pixels) image = planes(pixels);
  const start = performance.now();
  const input = new Tensor(image.values, [1, 3, image.side, image.side]);
  const outputs = await compiled.run(input);
  const values = [];
  for (const output of outputs) {
    const here = await output.moveTo("wasm");
    values.push(Float32Array.from(here.toTypedArray()));
    here.delete();
  }
  input.delete();
  const elapsedMs = performance.now() - start;
  const [, errorMap, r, l] = values;
  return { elapsedMs, errorMap, reconstructionScore: r[0], alignmentScore: l[0] };
}

answer({ load, detect });
