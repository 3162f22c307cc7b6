/** Settings, some of which come from build.sh. */

import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The number of threads of each program outside the browser, on both sides. */
export const THREADS = 2;

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The folder for models, images and browser profiles, outside the clone. */
export const FOLDER = required("DAAD_BENCH");
mkdirSync(FOLDER, { recursive: true });

/** The Python of the virtual environment with PyTorch. */
export const PYTHON = required("DAAD_BENCH_PYTHON");

/** @param {string} name */
function required(name) {
  const value = process.env[name];
  if (value) return value;
  console.error(`${name} is not set: start the benchmarks with ./build.sh bench`);
  process.exit(2);
}
