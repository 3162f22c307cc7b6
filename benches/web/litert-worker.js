/** LiteRT.js in a worker that answers like the package's worker. LiteRT.js loads its runtime by `importScripts`, so this is a classic worker, which site.js bundles into one file. */

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
 * Scores the last image. The time includes the network's run and the copies of its input and its results.
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
