/**
 * Chooses where the network runs: first it checks for a GPU, for threads and for fused multiply-add, then it decides. The decision is a pure function of the results.
 *
 * @typedef {object} GpuProbe
 * @property {boolean} available the browser offers WebGPU and gave an adapter
 * @property {boolean} software the adapter is emulated on the CPU, which is much slower than wasm
 * @property {boolean} timestamp_query whether the adapter has this feature, without which Burn's compute stream stops
 * @property {string} name the adapter's name for people, "" if the browser hides it
 *
 * @typedef {object} CpuProbe
 * @property {boolean} shares whether threads may share memory. This holds on a page that is isolated from others, and does not depend on the number of cores
 * @property {number} threads the maximum number of threads
 * @property {boolean} relaxed whether the host has relaxed SIMD, that is fused multiply-add
 *
 * @typedef {import("./engine.js").EngineName} EngineName
 * @typedef {{ engines: EngineName[], note: string }} Plan the engines in the order to try them; every browser runs the last one. `note` gives the reason for the choice, "" for the usual one
 */

import { DaadError } from "./errors.js";

/** The parts of WebGPU that are used here, because not every TypeScript library describes WebGPU.
 * @typedef {{ vendor?: string, architecture?: string, device?: string, description?: string, isFallbackAdapter?: boolean }} AdapterInfo
 * @typedef {{ info?: AdapterInfo, isFallbackAdapter?: boolean, features: ReadonlySet<string> }} Adapter
 * @typedef {{ requestAdapter(options: { powerPreference: "high-performance" }): Promise<Adapter | null> }} Gpu
 */

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|microsoft basic render|\bwarp\b/i;

/** The maximum number of threads; more threads do not make the engine faster. */
export const MOST_THREADS = 8;

/** @type {Readonly<GpuProbe>} */
export const NO_GPU = { available: false, software: false, timestamp_query: false, name: "" };

/**
 * @param {{ gpu?: unknown }} [navigator]
 * @returns {Promise<GpuProbe>}
 */
export async function probe(navigator = globalThis.navigator) {
  const gpu = /** @type {Gpu | undefined} */ (navigator.gpu);
  if (!gpu) return NO_GPU;
  try {
    const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
    return adapter ? describe(adapter) : NO_GPU;
  } catch {
    return NO_GPU; // a browser that offers WebGPU but refuses an adapter counts as one without WebGPU
  }
}

/**
 * @param {Adapter} adapter
 * @returns {GpuProbe}
 */
export function describe(adapter) {
  const info = adapter.info ?? {};
  const words = [info.vendor, info.architecture, info.device, info.description].filter(Boolean);
  return {
    available: true,
    software: Boolean(info.isFallbackAdapter || adapter.isFallbackAdapter) || SOFTWARE.test(words.join(" ")),
    timestamp_query: adapter.features.has("timestamp-query"),
    name: info.description || words.slice(0, 2).join(" "),
  };
}

/**
 * The number of threads that an engine may have. Threads need shared memory, which is available only on a page that is isolated from others.
 * @param {{ crossOriginIsolated?: boolean, navigator: { hardwareConcurrency?: number } }} [page]
 */
export function threadCount({ crossOriginIsolated, navigator } = globalThis) {
  return crossOriginIsolated ? Math.min(navigator.hardwareConcurrency ?? 1, MOST_THREADS) : 1;
}

/** A function that uses one instruction of relaxed SIMD (from wasm-feature-detect, Apache 2.0). */
const RELAXED_SIMD = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11);

/** Whether the host has relaxed SIMD, that is fused multiply-add. */
export function hasRelaxedSimd() {
  return WebAssembly.validate(RELAXED_SIMD);
}

/** Throws if the value is not a valid backend. @param {unknown} backend */
export function checkBackend(backend) {
  if (!["auto", "webgpu", "wasm"].some((choice) => choice === backend)) throw new DaadError("argument", `The backend is "auto", "webgpu" or "wasm", not ${JSON.stringify(backend)}.`);
}

/** @returns {CpuProbe} */
export function cpu() {
  return { shares: Boolean(globalThis.crossOriginIsolated), threads: threadCount(), relaxed: hasRelaxedSimd() };
}

/**
 * Chooses the engines. A software adapter for WebGPU is used only if the visitor chooses WebGPU explicitly.
 * @param {"auto" | import("./types.js").Backend} choice
 * @param {GpuProbe} gpu
 * @param {CpuProbe} cpu
 * @param {Partial<Record<EngineName, unknown>>} installed
 * @returns {Plan}
 */
export function plan(choice, gpu, { shares, threads, relaxed }, installed) {
  const { wanted, note } = wish(choice, gpu);
  /** The first available engine of `names`, which are ordered by speed. @param {EngineName[]} names */
  const first = (...names) => names.filter((name) => installed[name] && (relaxed || !name.endsWith("relaxed"))).slice(0, 1);
  const engines = [
    ...(wanted ? first("webgpu") : []), //
    ...(threads > 1 ? first("cpu-threads-relaxed", "cpu-threads") : []),
    ...(threads === 1 && shares && relaxed ? first("cpu-threads-relaxed") : []), // fused multiply-add is faster on one core too
    ...first("cpu"),
  ];
  return { engines, note };
}

/**
 * Whether to use WebGPU. A software adapter is used only if the visitor chooses WebGPU explicitly.
 * @param {"auto" | import("./types.js").Backend} choice
 * @param {GpuProbe} gpu
 * @returns {{ wanted: boolean, note: string }}
 */
export function wish(choice, gpu) {
  if (choice === "wasm") return { wanted: false, note: "" };
  const forced = choice === "webgpu";
  if (!gpu.available) return { wanted: false, note: forced ? "There is no WebGPU adapter here, so the CPU does the work." : "" };
  if (!gpu.timestamp_query) return { wanted: false, note: "This GPU lacks timestamp queries, which the engine needs, so the CPU does the work." };
  if (!gpu.software) return { wanted: true, note: "" };
  return { wanted: forced, note: forced ? "This WebGPU adapter is software: expect it to be slow." : "" };
}
