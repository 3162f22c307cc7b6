/** What build.sh decides. */

import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Of all that computes outside a browser, on both sides. */
export const THREADS = 2;

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Where models, images and browser profiles lie; outside the clone. */
export const FOLDER = required("DAAD_BENCH");
mkdirSync(FOLDER, { recursive: true });

/** Of the virtual environment with PyTorch. */
export const PYTHON = required("DAAD_BENCH_PYTHON");

/** @param {string} name */
function required(name) {
  const value = process.env[name];
  if (value) return value;
  console.error(`${name} is not set: start the benchmarks with ./build.sh bench`);
  process.exit(2);
}
