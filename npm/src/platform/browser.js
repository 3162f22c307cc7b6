/** The functions that depend on the host, for browsers. Addresses are written out in full, so that bundlers find the files. */

import { DaadError } from "../errors.js";
import { chunks, request } from "../download.js";

export { cpu, probe } from "../backend.js";

/** @type {Record<import("../engine.js").EngineName, { script: URL, wasm: URL }>} */
const ENGINES = {
  cpu: { script: new URL("./engines/cpu/daad.js", import.meta.url), wasm: new URL("./engines/cpu/daad_bg.wasm", import.meta.url) },
  "cpu-threads": { script: new URL("./engines/cpu-threads/daad.js", import.meta.url), wasm: new URL("./engines/cpu-threads/daad_bg.wasm", import.meta.url) },
  "cpu-threads-relaxed": { script: new URL("./engines/cpu-threads-relaxed/daad.js", import.meta.url), wasm: new URL("./engines/cpu-threads-relaxed/daad_bg.wasm", import.meta.url) },
  "learn-threads": { script: new URL("./engines/learn-threads/daad.js", import.meta.url), wasm: new URL("./engines/learn-threads/daad_bg.wasm", import.meta.url) },
  webgpu: { script: new URL("./engines/webgpu/daad.js", import.meta.url), wasm: new URL("./engines/webgpu/daad_bg.wasm", import.meta.url) },
};

const WORKER = new URL("./worker.js", import.meta.url);

/** Whether there are workers. */
export const hasWorkers = typeof Worker === "function";

/** The address of the worker's script. */
export function workerAddress() {
  return absolute(WORKER);
}

/** @param {import("../engine.js").EngineName} engine */
export function scriptAddress(engine) {
  return absolute(ENGINES[engine].script);
}

/** Adds the page's origin to an address. Some bundlers omit it, and a worker does not know it. @param {URL} url */
function absolute(url) {
  return new URL(String(url), globalThis.location?.href).href;
}

/** Imports a script at an address that bundlers must not resolve. @param {string} url */
export function importAt(url) {
  return import(/* webpackIgnore: true */ /* @vite-ignore */ url);
}

/**
 * @param {string} url of the worker's script
 * @param {(message: any) => void} onMessage
 * @param {(message: string) => void} onError called when the worker is lost; the message is "" if its script could not be loaded
 * @returns {import("../engine.js").Crew}
 */
export function spawn(url, onMessage, onError) {
  const worker = new Worker(sameOrigin(url), { type: "module" });
  worker.addEventListener("message", ({ data }) => onMessage(data));
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    onError(event.message ?? "");
  });
  return { post: (message, transfer = []) => worker.postMessage(message, transfer), end: () => worker.terminate(), hold: () => {} };
}

/** The addresses of the worker scripts that `sameOrigin` made. @type {Map<string, string>} */
const importing = new Map();

/** A page may only start workers of its own origin. A script of another origin, such as a CDN's, is imported by a small worker script of the page's own origin. @param {string} url */
function sameOrigin(url) {
  if (new URL(url).origin === globalThis.location?.origin || !url.startsWith("http")) return url;
  const known = importing.get(url) ?? URL.createObjectURL(new Blob([`import ${JSON.stringify(url)};`], { type: "text/javascript" }));
  importing.set(url, known);
  return known;
}

/** The worker's side of the connection, used inside a worker. */
export const own = {
  /** @param {(message: any) => void} listener */
  listen(listener) {
    self.addEventListener("message", ({ data }) => listener(data));
    // A trap inside the engine's own promises rejects no promise that this code awaits.
    self.addEventListener("unhandledrejection", (event) => {
      event.preventDefault();
      this.post("trapped");
    });
  },
  /** @param {unknown} message @param {Transferable[]} [transfer] */
  post(message, transfer = []) {
    self.postMessage(message, { transfer });
  },
};

/**
 * Downloads and compiles an engine, at the same time.
 * @param {import("../engine.js").EngineName} engine
 * @param {(bytes: number) => void} onChunk
 * @param {AbortSignal} signal
 * @returns {Promise<WebAssembly.Module>}
 */
export async function compile(engine, onChunk, signal) {
  const response = await request(absolute(ENGINES[engine].wasm), "the engine", signal);
  const whole = chunks(response.clone().body, ENGINE_BYTES[engine] ?? null, "the engine", signal, ({ byteLength }) => onChunk(byteLength));
  whole.catch(() => {}); // it is awaited below
  // The response is passed unchanged, because the browser caches compiled code only for its own responses. It compiles a stream only if the content type is right.
  const isWasm = response.headers.get("content-type") === "application/wasm";
  const module = isWasm ? WebAssembly.compileStreaming(response) : response.arrayBuffer().then((bytes) => WebAssembly.compile(bytes));
  const compiled = await module.catch(() => null);
  await whole; // this fails if the file is incomplete or of another version
  if (!compiled) throw new DaadError("unsupported", "This browser cannot run the engine: it is too old, or the file is damaged.");
  return compiled;
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

/** Listens to the channel on which threads report a trap. @param {string} name @param {() => void} onMessage */
export function hear(name, onMessage) {
  const channel = new BroadcastChannel(name);
  channel.addEventListener("message", onMessage);
  return () => channel.close();
}
