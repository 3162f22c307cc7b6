import assert from "node:assert/strict";
import test from "node:test";
import { NO_GPU, describe, plan, probe } from "../../../www/backend.js";

const REAL = { available: true, software: false, timestamp_query: true, name: "nvidia ada" };

/** @param {Record<string, unknown>} info @param {string[]} features */
function adapter(info, features = ["timestamp-query"]) {
  return { info, features: new Set(features) };
}

test("a real adapter is used unasked", () => {
  assert.deepEqual(plan("auto", REAL), { backend: "webgpu", note: "" });
});

test("a software adapter is used only when asked for, and said to be slow", () => {
  assert.equal(plan("auto", { ...REAL, software: true }).backend, "wasm");
  const forced = plan("webgpu", { ...REAL, software: true });
  assert.equal(forced.backend, "webgpu");
  assert.match(forced.note, /slow/);
});

test("without timestamp queries the CPU works, even when WebGPU is asked for", () => {
  for (const choice of /** @type {const} */ (["auto", "webgpu"])) {
    const { backend, note } = plan(choice, { ...REAL, timestamp_query: false });
    assert.equal(backend, "wasm");
    assert.match(note, /timestamp/);
  }
});

test("a missing adapter is worth a word only to those who asked for it", () => {
  assert.deepEqual(plan("auto", NO_GPU), { backend: "wasm", note: "" });
  assert.match(plan("webgpu", NO_GPU).note, /no WebGPU/);
});

test("the CPU asked for is the CPU", () => {
  assert.deepEqual(plan("wasm", REAL), { backend: "wasm", note: "" });
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

test("a browser without WebGPU, or one that throws, has no GPU", async () => {
  assert.deepEqual(await probe({}), NO_GPU);
  assert.deepEqual(await probe({ gpu: { requestAdapter: async () => null } }), NO_GPU);
  assert.deepEqual(await probe({ gpu: { requestAdapter: async () => { throw new Error("lost"); } } }), NO_GPU);
});

test("the probe tells what the adapter has", async () => {
  const gpu = { requestAdapter: async () => adapter({ vendor: "amd", architecture: "rdna-3" }) };
  assert.deepEqual(await probe({ gpu }), { available: true, software: false, timestamp_query: true, name: "amd rdna-3" });
});
