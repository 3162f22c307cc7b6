/** Estimates the time of a training step and of an image on a large GPU, with the model of tests/launches.rs. This needs a software adapter, not such a GPU. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { ROOT } from "../support/settings.js";

const AIMS_MS = { 16: 25, 64: 110 };

export const rows = ["DAAD", "DAAD+"].flatMap((system) =>
  Object.entries(AIMS_MS).flatMap(([width, most]) => {
    const [step, image] = [`training step of 8 images, ${system}, w = ${width}`, `judging an image, ${system}, w = ${width}`];
    return [
      { id: `gpu-step-${system}-${width}`, what: `modelled ${step}`, unit: "ms", aim: { of: "ours", most }, measure: () => modelled(step) },
      { id: `gpu-image-${system}-${width}`, what: `modelled ${image}`, unit: "ms", measure: () => modelled(image) },
    ];
  }),
);

/** @type {Promise<string> | null} */
let output = null;

/** @param {string} what */
async function modelled(what) {
  output ??= tables();
  const line = (await output).split("\n").find((line) => line.startsWith(`${what}: `));
  const ms = / launches, ([\d.]+) ms$/.exec(line ?? "")?.[1];
  return ms ? { ours: Number(ms) } : { skipped: "there is no adapter, not even in software" };
}

/** Runs the test and returns its tables. They are also printed, because they show which kernels take the time. */
async function tables() {
  const { stdout } = await promisify(execFile)("cargo", ["test", "--release", "--test", "launches", "--", "--nocapture"], { cwd: ROOT });
  console.error(stdout);
  return stdout;
}
