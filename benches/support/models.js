/** Creates the files that both sides read, when they are first needed. The folder's name depends on the programs and libraries that create them, so that a change creates them again. */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { bmp, pixels } from "./images.js";
import { native, program, python } from "./programs.js";
import { FOLDER, ROOT } from "./settings.js";

const EXPORTER = (await readdir(join(ROOT, "src/exchange"))).sort().map((name) => `src/exchange/${name}`);
const PEERS = ["export_onnx.py", "export_tflite.py", "network.py", "requirements.txt"].map((name) => `benches/pytorch/${name}`);
const MAKERS = ["benches/native/model.rs", ...PEERS, "benches/support/images.js", "tests/golden/make_golden.py", "src/weights.rs", ...EXPORTER];
const sources = await Promise.all(MAKERS.map((file) => readFile(join(ROOT, file))));
const NAME = `made-${createHash("sha256").update(Buffer.concat(sources)).digest("hex").slice(0, 8)}`;
const MADE = join(FOLDER, NAME);
await mkdir(MADE, { recursive: true });
const outdated = (await readdir(FOLDER)).filter((name) => name.startsWith("made-") && name !== NAME);
await Promise.all(outdated.map((name) => rm(join(FOLDER, name), { recursive: true })));

/**
 * A calibrated DAAD+ with random weights.
 * @param {number} width
 * @param {number} size_px
 */
export function model(width, size_px) {
  return made(`w${width}-${size_px}.safetensors`, (path) => native("model", String(width), String(size_px), path));
}

/** The model as ONNX. @param {string} model */
export function onnx(model) {
  return made(`${basename(model, ".safetensors")}.onnx`, (path) => python("export_onnx.py", model, path));
}

/** The model for LiteRT. @param {string} model */
export function tflite(model) {
  return made(`${basename(model, ".safetensors")}.tflite`, (path) => python("export_tflite.py", model, path));
}

/** A model of this repository in ONNX, as `daad export` writes it. @param {string} model */
export async function exported(model) {
  const hash = createHash("sha256").update(await readFile(model)).digest("hex").slice(0, 8);
  return made(`${basename(model, ".safetensors")}-${hash}.onnx`, (path) => program("export", "--model", model, "--onnx", path));
}

/** @param {number} side_px */
export function imageFile(side_px) {
  return made(`${side_px}.bmp`, (path) => writeFile(path, bmp(side_px)));
}

/**
 * @param {number} count
 * @param {number} side_px
 */
export function batch(count, side_px) {
  const images = () => Array.from({ length: count }, (_, index) => pixels(side_px, index + 1));
  return made(`${count}x${side_px}.rgb`, (path) => writeFile(path, Buffer.concat(images())));
}

/**
 * @param {string} name
 * @param {(path: string) => Promise<unknown>} make
 */
async function made(name, make) {
  const path = join(MADE, name);
  if (!existsSync(path)) {
    await make(`${path}.part`);
    await rename(`${path}.part`, path); // renamed when it is complete
  }
  return path;
}
