/** The functions that depend on the host, for Node, Deno and Bun. */

import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Worker as NodeWorker, parentPort } from "node:worker_threads";

import { MOST_THREADS, NO_GPU, hasRelaxedSimd } from "../backend.js";
import { DaadError, sentence } from "../errors.js";
import { request } from "../download.js";

/** Whether there are workers. */
export const hasWorkers = true;

export function workerAddress() {
  return new URL("./worker.node.js", import.meta.url).href;
}

/** @param {import("../engine.js").EngineName} engine */
export function scriptAddress(engine) {
  return new URL(`./engines/${engine}/daad.js`, import.meta.url).href;
}

export function cpu() {
  const cores = globalThis.navigator?.hardwareConcurrency ?? availableParallelism(); // the first one needs no permission in Deno, the second one exists in older versions of Node
  return { shares: true, threads: Math.min(cores, MOST_THREADS), relaxed: hasRelaxedSimd() };
}

export async function probe() {
  return NO_GPU;
}

/** Imports a script at an address that bundlers must not resolve. @param {string} url */
export function importAt(url) {
  return import(/* webpackIgnore: true */ /* @vite-ignore */ url);
}

/**
 * @param {string} url of the worker's script
 * @param {(message: any) => void} onMessage
 * @param {(message: string) => void} onError called when the worker is lost
 * @returns {import("../engine.js").Crew}
 */
export function spawn(url, onMessage, onError) {
  const worker = new NodeWorker(new URL(url), { execArgv: [] }); // without the program's own options, because a worker does not accept some of them, such as --input-type
  let isEnded = false;
  worker.on("message", onMessage);
  worker.on("error", (error) => onError(String(error)));
  worker.on("exit", () => isEnded || onError("the worker ended"));
  worker.unref();
  return {
    post: (message, transfer = []) => worker.postMessage(message, /** @type {import("node:worker_threads").Transferable[]} */ (transfer)),
    end: () => {
      isEnded = true;
      void worker.terminate();
    },
    // A worker that is not busy must not keep the program running.
    hold: (isBusy) => (isBusy ? worker.ref() : worker.unref()),
  };
}

/** The worker's side of the connection, used inside a worker. */
export const own = {
  /** @param {(message: any) => void} listener */
  listen(listener) {
    parentPort?.on("message", listener);
    // A trap inside the engine's own promises rejects no promise that this code awaits.
    process.on("unhandledRejection", () => this.post("trapped"));
  },
  /** @param {unknown} message @param {Transferable[]} [transfer] */
  post(message, transfer = []) {
    parentPort?.postMessage(message, /** @type {import("node:worker_threads").Transferable[]} */ (transfer));
  },
};

/**
 * @param {import("../engine.js").EngineName} engine
 * @param {(bytes: number) => void} onChunk
 * @param {AbortSignal} _signal has no effect, because the file is read at once
 * @returns {Promise<WebAssembly.Module>}
 */
export async function compile(engine, onChunk, _signal) {
  const code = await readFile(new URL(`./engines/${engine}/daad_bg.wasm`, import.meta.url)).catch(() => {
    throw new DaadError("download", "The engine's code is missing: install the package again.");
  });
  if (code.length !== ENGINE_BYTES[engine]) throw new DaadError("download", `The engine is damaged: it has ${code.length} bytes instead of ${ENGINE_BYTES[engine]}. Install the package again.`);
  onChunk(code.length);
  return WebAssembly.compile(new Uint8Array(code)).catch(() => {
    throw new DaadError("unsupported", "This host cannot run the engine: it is too old, or the file is damaged.");
  });
}

/**
 * A model from an address, or from a path.
 * @param {string | URL} url
 * @param {AbortSignal} signal
 * @returns {Promise<Response>}
 */
export async function open(url, signal) {
  const text = String(url);
  if (/^(https?|data|blob):/.test(text)) return request(text, "the model", signal);
  const path = text.startsWith("file:") ? fileURLToPath(text) : text;
  try {
    return new Response(new Uint8Array(await readFile(path, { signal })));
  } catch (error) {
    signal.throwIfAborted();
    throw new DaadError("download", `The model could not be read: ${sentence(error)}`);
  }
}

/** Listens to the channel on which threads report a trap. @param {string} name @param {() => void} onMessage */
export function hear(name, onMessage) {
  const channel = new BroadcastChannel(name);
  channel.onmessage = onMessage;
  return () => channel.close();
}
