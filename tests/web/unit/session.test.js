import assert from "node:assert/strict";
import test, { afterEach, beforeEach } from "node:test";
import { Detector } from "daad";
import { Session } from "../../../www/shared/session.js";
import { canPaint, createStore } from "../../../www/shared/state.js";

const GPU = { backend: "webgpu", threads: 1, gpu: "a card", note: "" };
const CPU = { backend: "wasm", threads: 1, gpu: "", note: "WebGPU was tried and did not work." };
const STROKES = /** @type {any} */ ([{ tool: "hole", pen: "black", points: [{ x: 0.5, y: 0.5 }] }]);
const PAINTED = /** @type {any} */ ({ width: 8, height: 8, data: new Uint8ClampedArray(256) });

const ownFetch = globalThis.fetch;
const ownLoad = Detector.load;

/** A detector whose engine a test may replace. */
let detector = { engine: GPU, info: {}, close() {}, detect: async (/** @type {unknown} */ image) => ({ image, score: 1 }) };

beforeEach(() => {
  detector = { ...detector, engine: GPU, detect: async (image) => ({ image, score: 1 }) };
  globalThis.fetch = /** @type {any} */ (async () => Response.json({ models: [{ file: "models/one.safetensors", name: "one", bytes: 1, hash: "" }], series: [] }));
  Detector.load = /** @type {any} */ (async () => detector);
});

afterEach(() => {
  globalThis.fetch = ownFetch;
  Detector.load = ownLoad;
});

/** @param {string} name */
function wanted(name) {
  return { name, sample: null, read: async () => new ArrayBuffer(1) };
}

/** Resolves when nothing is left to judge. */
function calm() {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

/** A page with a judged image; it paints as the page does, again when another engine has judged the image. */
async function opened() {
  const store = createStore();
  const session = new Session(store);
  session.ask(wanted("the card"));
  await session.load("auto");
  store.watch((state) => [state.original, state.strokes], (_, strokes) => strokes.length > 0 && session.paint(strokes, PAINTED));
  await calm();
  assert.ok(canPaint(store.get()));
  return { store, session };
}

test("an image can still be painted on after the engine gave way to another image", async () => {
  const { store, session } = await opened();
  detector.engine = CPU;
  await session.judgeAside(wanted("of a list"));
  await calm();
  const { result, loaded } = store.get();
  assert.equal(loaded?.backend, "wasm");
  assert.equal(result?.loaded, loaded);
  assert.ok(canPaint(store.get()));
});

test("an engine that gives way while a painted image is judged judges the original again, then the painted one", async () => {
  const { store } = await opened();
  /** @type {unknown[]} */
  const images = [];
  detector.detect = async (image) => {
    images.push(image === PAINTED ? "painted" : "original");
    detector.engine = CPU;
    return { image, score: 1 };
  };
  store.send({ type: "painted", strokes: STROKES });
  await calm();
  const state = store.get();
  assert.deepEqual(images, ["painted", "original", "painted"]);
  assert.deepEqual([state.result?.strokes, state.result?.loaded.backend, state.detecting], [STROKES, "wasm", false]);
  assert.ok(canPaint(state));
});

test("a model of the visitor's own is kept if another engine is chosen while it loads", async () => {
  const { store, session } = await opened();
  const own = { file: "own", name: "mine", bytes: 1, hash: "", weights: new Uint8Array(1) };
  /** The first load never ends by itself. */
  Detector.load = /** @type {any} */ ((/** @type {unknown} */ _, /** @type {{ signal: AbortSignal }} */ { signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))));
  const adopted = session.adopt(own);
  await calm();
  Detector.load = /** @type {any} */ (async () => detector);
  await session.load("wasm");
  await adopted;
  await calm();
  const { choice, models, model, error } = store.get();
  assert.deepEqual([choice, model, error], ["wasm", "own", ""]);
  assert.ok(models.some(({ file }) => file === "own"));
});
