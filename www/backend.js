/**
 * Where the network runs: looks for a GPU and decides. The decision is a pure function of what was found.
 *
 * @typedef {object} GpuProbe
 * @property {boolean} available the browser offers WebGPU and gave an adapter
 * @property {boolean} software the adapter is a CPU in disguise: far slower than wasm
 * @property {boolean} timestamp_query Burn's compute stream stops without it
 * @property {string} name for people, "" where the browser hides it
 *
 * @typedef {{ backend: import("./protocol.js").Backend, note: string }} Plan `note` says why, "" where nothing is odd
 */

/** The few parts of WebGPU that are used here: not every TypeScript library describes it.
 * @typedef {{ vendor?: string, architecture?: string, device?: string, description?: string, isFallbackAdapter?: boolean }} AdapterInfo
 * @typedef {{ info?: AdapterInfo, isFallbackAdapter?: boolean, features: ReadonlySet<string> }} Adapter
 * @typedef {{ requestAdapter(options: { powerPreference: "high-performance" }): Promise<Adapter | null> }} Gpu
 */

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|microsoft basic render|\bwarp\b/i;

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
    return NO_GPU; // a browser that offers WebGPU but refuses it is one without
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
 * A visitor who asks for WebGPU by hand may have a software adapter; nobody gets one unasked.
 * @param {import("./protocol.js").BackendChoice} choice
 * @param {GpuProbe} gpu
 * @returns {Plan}
 */
export function plan(choice, gpu) {
  if (choice === "wasm") return { backend: "wasm", note: "" };
  const forced = choice === "webgpu";
  if (!gpu.available) return { backend: "wasm", note: forced ? "This browser offers no WebGPU adapter, so the CPU does the work." : "" };
  if (!gpu.timestamp_query) return { backend: "wasm", note: "This GPU lacks timestamp queries, which the engine needs, so the CPU does the work." };
  if (!gpu.software) return { backend: "webgpu", note: "" };
  return forced
    ? { backend: "webgpu", note: "This WebGPU adapter is software: expect it to be slow." }
    : { backend: "wasm", note: "" };
}
