import assert from "node:assert/strict";
import test from "node:test";
import { NO_GPU, checkBackend, cpu, describe, plan, probe, threadCount } from "../../../npm/src/backend.js";

const REAL = { available: true, software: false, timestamp_query: true, name: "nvidia ada" };

/** @param {Record<string, unknown>} info @param {string[]} features */
function adapter(info, features = ["timestamp-query"]) {
  return { info, features: new Set(features) };
}

/** Everything that build.sh makes. */
const ALL = { cpu: 1, "cpu-threads": 1, "cpu-threads-relaxed": 1, webgpu: 1 };

/** @param {number} threads */
function plain(threads) {
  return { shares: threads > 1, threads, relaxed: false };
}

test("a real adapter is used unasked, and the CPU where it fails", () => {
  assert.deepEqual(plan("auto", REAL, plain(1), ALL), { engines: ["webgpu", "cpu"], note: "" });
  assert.deepEqual(plan("auto", REAL, plain(4), ALL), { engines: ["webgpu", "cpu-threads", "cpu"], note: "" });
});

test("a software adapter is used only when asked for, and said to be slow", () => {
  assert.deepEqual(plan("auto", { ...REAL, software: true }, plain(1), ALL).engines, ["cpu"]);
  const forced = plan("webgpu", { ...REAL, software: true }, plain(1), ALL);
  assert.equal(forced.engines[0], "webgpu");
  assert.match(forced.note, /slow/);
});

test("without timestamp queries the CPU works, even when WebGPU is asked for", () => {
  for (const choice of /** @type {const} */ (["auto", "webgpu"])) {
    const { engines, note } = plan(choice, { ...REAL, timestamp_query: false }, plain(1), ALL);
    assert.deepEqual(engines, ["cpu"]);
    assert.match(note, /timestamp/);
  }
});

test("a missing adapter is worth a word only to those who asked for it", () => {
  assert.deepEqual(plan("auto", NO_GPU, plain(1), ALL), { engines: ["cpu"], note: "" });
  assert.match(plan("webgpu", NO_GPU, plain(1), ALL).note, /no WebGPU/);
});

test("the CPU asked for is the CPU, on all cores where there are threads", () => {
  assert.deepEqual(plan("wasm", REAL, plain(1), ALL), { engines: ["cpu"], note: "" });
  assert.deepEqual(plan("wasm", REAL, plain(2), ALL), { engines: ["cpu-threads", "cpu"], note: "" });
});

test("relaxed SIMD is used where the browser has it and memory can be shared, on one core too", () => {
  assert.deepEqual(plan("wasm", REAL, { shares: true, threads: 1, relaxed: true }, ALL).engines, ["cpu-threads-relaxed", "cpu"]);
  assert.deepEqual(plan("wasm", REAL, { shares: false, threads: 1, relaxed: true }, ALL).engines, ["cpu"]);
  assert.deepEqual(plan("auto", REAL, { shares: true, threads: 2, relaxed: true }, ALL).engines, ["webgpu", "cpu-threads-relaxed", "cpu"]);
  assert.equal(typeof cpu().relaxed, "boolean");
});

test("an engine that was not built is not asked for", () => {
  for (const choice of /** @type {const} */ (["auto", "webgpu"])) assert.deepEqual(plan(choice, REAL, { shares: true, threads: 2, relaxed: true }, { cpu: 1 }).engines, ["cpu"]);
});

test("there are threads only on an isolated page, and no more than are of use", () => {
  assert.equal(threadCount({ crossOriginIsolated: true, navigator: { hardwareConcurrency: 4 } }), 4);
  assert.equal(threadCount({ crossOriginIsolated: true, navigator: { hardwareConcurrency: 128 } }), 8);
  assert.equal(threadCount({ crossOriginIsolated: true, navigator: {} }), 1);
  assert.equal(threadCount({ crossOriginIsolated: false, navigator: { hardwareConcurrency: 4 } }), 1);
  assert.equal(threadCount({ navigator: { hardwareConcurrency: 4 } }), 1);
});

test("software adapters are known by name or by flag", () => {
  for (const info of [
    { vendor: "google", architecture: "swiftshader" },
    { vendor: "mesa", device: "llvmpipe" },
    { description: "Microsoft Basic Render Driver" },
    { vendor: "intel", isFallbackAdapter: true },
  ]) assert.ok(describe(adapter(info)).software, JSON.stringify(info));
  assert.ok(!describe(adapter({ vendor: "apple", architecture: "metal-3" })).software);
});

test("what is no backend is refused", () => {
  for (const backend of ["auto", "webgpu", "wasm"]) checkBackend(backend);
  for (const backend of ["cuda", "", null, 1]) assert.throws(() => checkBackend(backend), { code: "argument" });
});

test("a browser without WebGPU, or one that throws, has no GPU", async () => {
  assert.deepEqual(await probe({}), NO_GPU);
  assert.deepEqual(await probe({ gpu: { requestAdapter: async () => null } }), NO_GPU);
  assert.deepEqual(await probe({ gpu: { requestAdapter: async () => { throw new Error("lost"); } } }), NO_GPU);
});

test("the probe tells what the adapter has", async () => {
  const gpu = { requestAdapter: async () => adapter({ vendor: "amd", architecture: "rdna-3" }) };
  assert.deepEqual(await probe({ gpu }), { available: true, software: false, timestamp_query: true, name: "amd rdna-3" });
});
