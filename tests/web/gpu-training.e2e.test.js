/** Tests a training run on WebGPU with a software GPU, in a real browser. Needs DAAD_SITE, a folder made by scripts/site.mjs. Optional: CHROMIUM. */

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import test from "node:test";
import { SITE, browse } from "./support/browser.js";
import { SOFTWARE_GPU, settle, text } from "./support/page.js";
import { TRAINING_MS, cutUp, phase, teachable } from "./support/teach.js";

/** @typedef {import("playwright-core").Page} Page */

const web = browse(SOFTWARE_GPU);

/**
 * Opens the page without a gallery, so that it judges no first image, for which a software GPU needs long.
 * @param {string} query
 * @param {Parameters<typeof web.open>[1]} [options]
 */
async function openTeach(query, { prepare, ...options } = {}) {
  const opened = await web.open(`${query}#teach`, {
    ...options,
    prepare: async (page) => {
      await page.route("**/gallery.json", (route) => route.fulfill({ json: { galleries: [] } }));
      await prepare?.(page);
    },
  });
  const { status, message } = await settle(opened.page);
  assert.equal(status, "ready", message);
  await teachable(opened.page);
  return opened;
}

/** Starts a training run on pieces of a picture. @param {Page} page */
async function begin(page) {
  await cutUp(page);
  await page.getByTestId("teach-start").click();
}

/** Makes the adapter claim from now on to be hardware. @param {Page} page */
function claimHardware(page) {
  return page.evaluate(() => {
    const adapter = { info: { vendor: "real", description: "a real GPU" }, features: new Set(["timestamp-query"]) };
    Object.defineProperty(navigator, "gpu", { value: { requestAdapter: async () => adapter } });
  });
}

/** @param {Page} page */
async function speed(page) {
  await page.waitForFunction(() => document.querySelector("[data-testid=teach-speed]")?.textContent !== "–", null, { timeout: TRAINING_MS });
  return text(page, "teach-speed");
}

test("the GPU's engine trains as the CPU's: the same losses, and weights within rounding", { timeout: 300_000 }, async () => {
  const { page, close } = await openTeach("?backend=wasm", { bypassCSP: true }); // the test starts a worker of its own, which the policy forbids
  const engines = `${(await readdir(SITE)).find((name) => name.startsWith("daad-"))}/engines`;
  const results = await page.evaluate(async (engines) => {
    /** Trains three steps with an engine. This runs in a worker, because the page's own thread must not wait for other threads. @param {string} name */
    const trained = async (name) => {
      const folder = new URL(`${engines}/${name}/`, location.href).href;
      const script = `
        const { default: create } = await import(${JSON.stringify(`${folder}daad.js`)});
        const engine = create();
        await engine.default({ module_or_path: await WebAssembly.compileStreaming(fetch(${JSON.stringify(`${folder}daad_bg.wasm`)})) });
        const plan = { size: 32, scales: 2, baseWidth: 4, memoryItems: 8, division: 2, batchSize: 3, learningRate: 2e-3, flips: false, shift: 0, falseAlarmRate: 0.05, seed: 1 };
        const images = Array.from({ length: 6 }, (_, image) => ({ data: Uint8ClampedArray.from({ length: 4 * 32 * 32 }, (_, at) => (at * (image + 3) * 7) % 251), width: 32, height: 32 }));
        const training = await engine.Training.begin(plan, images);
        const losses = [];
        for (let step = 0; step < 3; step++) losses.push((await training.step(step / 3)).loss);
        const { reconstruction } = await training.rebuild(0);
        self.postMessage({ losses, reconstruction: [...reconstruction], model: await training.finish("a test") });`;
      const worker = new Worker(URL.createObjectURL(new Blob([script], { type: "text/javascript" })), { type: "module" });
      return new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = (event) => reject(new Error(`${name}: ${event.message}`));
      });
    };
    /** The values of a model file, by name. @param {Uint8Array} model */
    const weights = (model) => {
      const view = new DataView(model.buffer, model.byteOffset);
      const length = Number(view.getBigUint64(0, true));
      const header = JSON.parse(new TextDecoder().decode(model.subarray(8, 8 + length)));
      /** @param {number} bits of an IEEE half-precision number */
      const half = (bits) => {
        const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
        return (bits & 0x8000 ? -1 : 1) * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
      };
      return Object.entries(header)
        .filter(([name]) => name !== "__metadata__")
        .map(([name, { dtype, data_offsets: [from, to] }]) => {
          if (dtype !== "F16") throw new Error(`${name} is ${dtype}`);
          return { name, values: Array.from({ length: (to - from) / 2 }, (_, at) => half(view.getUint16(8 + length + from + 2 * at, true))) };
        });
    };
    const [cpu, gpu] = [await trained("learn-threads"), await trained("webgpu")];
    const [expected, got] = [weights(cpu.model), weights(gpu.model)];
    return {
      losses: [cpu.losses, gpu.losses],
      pixel: Math.max(...cpu.reconstruction.map((/** @type {number} */ value, /** @type {number} */ at) => Math.abs(value - gpu.reconstruction[at]))),
      weights: expected.map(({ name, values }, at) => ({ name, furthest: Math.max(...values.map((value, index) => Math.abs(value - (got[at]?.values[index] ?? NaN)))) })),
    };
  }, engines);
  const [cpu = [], gpu = []] = results.losses;
  for (const [step, loss] of cpu.entries()) assert.ok(Math.abs(gpu[step] - loss) < 1e-4 * loss, `loss ${gpu[step]} for ${loss} at step ${step}`);
  assert.ok(results.pixel <= 2, `a pixel is off by ${results.pixel} of 255`);
  // Adam makes a step of full size even for the smallest gradient, and so for a rounding error: a few weights may differ by the size of a step.
  for (const { name, furthest } of results.weights) assert.ok(furthest < 1e-3, `${name} differs by ${furthest}`);
  await close();
});

test("who asks for WebGPU is taught on it, and the model is adopted", { timeout: 300_000 }, async () => {
  const { page, close } = await openTeach("?backend=webgpu");
  await begin(page);
  await phase(page, "learning");
  assert.match(await speed(page), /on the GPU$/);
  await page.getByTestId("teach-finish").click();
  await phase(page, "done");
  await close();
});

test("a software adapter does not train unasked", { timeout: 120_000 }, async () => {
  const { page, close } = await openTeach("");
  await begin(page);
  assert.match(await speed(page), /thread/);
  await close();
});

test("where WebGPU does not work, the CPU trains, and it is said why", { timeout: 120_000 }, async () => {
  const body = `export default () => ({ default: async () => ({}), Training: { begin: async () => { throw Object.assign(new Error("device: its gradients are wrong"), { code: "engine" }); } } })`;
  const { page, close } = await openTeach("", { prepare: (page) => page.route("**/engines/webgpu/daad.js", (route) => route.fulfill({ contentType: "text/javascript", body })) });
  await claimHardware(page);
  await begin(page);
  assert.match(await speed(page), /thread/);
  assert.match(await text(page, "teach-engine-note"), /WebGPU was tried and did not work, so the CPU trains.*gradients are wrong/);
  await close();
});

for (const { faster, gpuMs, cpuMs, says } of [
  { faster: "the GPU", gpuMs: 5, cpuMs: 60, says: /on the GPU$/ },
  { faster: "the CPU", gpuMs: 60, cpuMs: 5, says: /thread/ },
]) {
  test(`of a real GPU and the CPU, the faster one trains: ${faster}`, { timeout: 120_000 }, async () => {
    const stub = (/** @type {number} */ ms) => `
      const training = { trainedOn: 20, heldOut: 0, meanImageError: 1, step: () => new Promise((resolve) => setTimeout(() => resolve({ loss: 0.5, epochs: 1 }), ${ms})), finish: async () => new Uint8Array() };
      export default () => ({ default: async () => ({}), Training: { begin: async () => training }, runThread() {} });`;
    const { page, close } = await openTeach("", {
      prepare: async (page) => {
        await page.route(/engines\/(webgpu|learn-threads)\/daad\.js/, (route) => route.fulfill({ contentType: "text/javascript", body: stub(route.request().url().includes("webgpu") ? gpuMs : cpuMs) }));
      },
    });
    await claimHardware(page);
    await begin(page);
    assert.match(await speed(page), says);
    await close();
  });
}
