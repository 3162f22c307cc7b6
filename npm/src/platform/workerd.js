/** The functions that depend on the host, for Cloudflare's runtime. It has neither workers nor a file system; code is imported. */

import create from "./engines/cpu/daad.js";
import module from "./engines/cpu/daad_bg.wasm";
import { NO_GPU } from "../backend.js";
import { request } from "../download.js";

export const hasWorkers = false;

export function scriptAddress() {
  return "engine";
}

/** The only engine, which is imported with this module. */
export async function importAt() {
  return { default: create };
}

export function cpu() {
  return { shares: false, threads: 1, relaxed: false };
}

export async function probe() {
  return NO_GPU;
}

/** @returns {never} */
export function spawn() {
  throw new Error("there are no workers here");
}

/**
 * @param {import("../engine.js").EngineName} _engine
 * @param {(bytes: number) => void} onChunk
 * @returns {Promise<WebAssembly.Module>}
 */
export async function compile(_engine, onChunk) {
  onChunk(ENGINE_BYTES.cpu);
  return module;
}

/**
 * A model from an address.
 * @param {string | URL} url
 * @param {AbortSignal} signal
 * @returns {Promise<Response>}
 */
export function open(url, signal) {
  return request(String(url), "the model", signal);
}
