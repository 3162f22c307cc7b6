import assert from "node:assert/strict";
import test from "node:test";
import { INITIAL, canPaint, createStore, message, reduce, source, status, subject, verdict } from "../../../www/shared/state.js";

/** @typedef {import("../../../www/shared/state.js").Event} Event */

const INFO = { gamma: 0.9, threshold: 0.5, normalScores: [0, 0.5, 1], normalRawScores: [[{ reconstruction: 0, alignment: 0 }], [{ reconstruction: 1, alignment: 0 }], [{ reconstruction: 1, alignment: 1 }]], reconstruction: { min: 0, max: 1 }, alignment: { min: 0, max: 1 } };
const LOADED = /** @type {Extract<Event, { type: "loaded" }>} */ (/** @type {unknown} */ ({ type: "loaded", loaded: { backend: "wasm", threads: 1, gpu: "", note: "", info: INFO } }));

/** @param {number} ticket @returns {Event} */
function detecting(ticket) {
  return { type: "detecting", subject: { ticket, name: `image ${ticket}`, sample: null } };
}

/** @param {number} ticket @param {readonly unknown[]} [strokes] @param {object} [loaded] */
function detected(ticket, strokes = [], loaded = LOADED.loaded) {
  const subject = { ticket, name: `image ${ticket}`, sample: null };
  return /** @type {Event} */ (/** @type {unknown} */ ({ type: "detected", result: { subject, strokes, loaded, elapsedMs: 1, detection: { score: 0.9, reconstructionScore: 1, alignmentScore: 0, anomalous: true, unfamiliarity: 0 } } }));
}

/** @param {readonly unknown[]} strokes */
function painted(strokes) {
  return /** @type {Event} */ ({ type: "painted", strokes });
}

/** @param {Event[]} events */
function after(...events) {
  return events.reduce(reduce, INITIAL);
}

test("the page works, then is ready", () => {
  assert.equal(status(INITIAL), "working");
  assert.equal(status(after(LOADED)), "ready");
  assert.equal(status(after(LOADED, detecting(1))), "working");
  assert.equal(status(after(LOADED, detecting(1), detected(1))), "ready");
});

test("an image asked for during the download keeps the page working until it is judged", () => {
  assert.equal(status(after(detecting(1), LOADED)), "working");
});

test("an answer to an older image is dropped", () => {
  const state = after(LOADED, detecting(1), detecting(2), detected(1));
  assert.equal(state.result, null);
  assert.equal(status(state), "working");
  assert.equal(status(reduce(state, { type: "detect-failed", ticket: 1, message: "old" })), "working");
});

test("a failed image keeps the earlier result, and the next image clears the error", () => {
  const failed = after(LOADED, detecting(1), detected(1), detecting(2), { type: "detect-failed", ticket: 2, message: "That is no image." });
  assert.equal(status(failed), "error");
  assert.equal(message(failed), "That is no image.");
  assert.equal(failed.result?.subject.ticket, 1);
  assert.equal(status(reduce(failed, detecting(3))), "working");
  assert.equal(status([detecting(3), detected(3)].reduce(reduce, failed)), "ready");
});

test("a refused file leaves the image that is being judged alone, and its sentence stays", () => {
  const refused = after(detecting(1), { type: "refused", message: "Too large." });
  assert.deepEqual([status(refused), message(refused)], ["working", "Too large."]);
  const judged = [LOADED, detected(1)].reduce(reduce, refused);
  assert.equal(judged.result?.subject.ticket, 1);
  assert.deepEqual([status(judged), message(judged)], ["error", "Too large."]);
  assert.equal(message(reduce(judged, detecting(2))), "Looking at image 2…");
});

test("the card promises an image only while one is on its way", () => {
  assert.equal(subject(after(detecting(1))), "The first image is on its way.");
  assert.equal(subject(after(LOADED)), "Choose an image to begin.");
  assert.equal(subject(after(LOADED, { type: "refused", message: "Too large." })), "Choose an image to begin.");
  assert.equal(subject(after(LOADED, detecting(1), { type: "detect-failed", ticket: 1, message: "No." })), "Choose an image to begin.");
  assert.equal(subject(after(LOADED, detecting(1), detected(1), detecting(2))), "image 1");
});

test("a result keeps the engine that gave it until there is another result", () => {
  /** @type {Event} */
  const other = { type: "loaded", loaded: { ...LOADED.loaded, backend: "webgpu" } };
  const failed = after(LOADED, detecting(1), detected(1), { type: "loading", choice: "webgpu" }, other, detecting(2), { type: "detect-failed", ticket: 2, message: "No." });
  assert.equal(source(failed)?.backend, "wasm");
  assert.equal(source(after(LOADED, other))?.backend, "webgpu");
});

test("what a visitor should know of a file stands in the message", () => {
  const plain = after(LOADED, detecting(1), detected(1));
  assert.equal(message(plain), "image 1: anomalous. Try another image.");
  const { result } = plain;
  assert.ok(result);
  const noted = { ...plain, result: { ...result, detection: { ...result.detection, note: "the file is an animation; only its first frame is used" } } };
  assert.equal(message(noted), "image 1: anomalous. The file is an animation; only its first frame is used.");
});

test("the verdict follows the threshold and γ, and is the engine's own again after a reset", () => {
  const judged = after(LOADED, detecting(1), detected(1));
  assert.deepEqual(verdict(judged), { score: 0.9, verdict: "anomalous", threshold: 0.5 });
  const raised = reduce(judged, { type: "threshold", threshold: 0.95 });
  assert.deepEqual(verdict(raised), { score: 0.9, verdict: "normal", threshold: 0.95 });
  assert.match(message(raised), /: normal\./);
  const mixed = reduce(judged, { type: "gamma", gamma: 0.5 });
  assert.equal(verdict(mixed)?.score, 0.5);
  assert.equal(verdict(mixed), verdict(mixed), "nothing changed, so no watcher hears of it");
  assert.deepEqual(verdict(reduce(reduce(raised, { type: "threshold", threshold: null }), { type: "gamma", gamma: null })), verdict(judged));
});

test("what was moved for one model is not moved for another, but stays on another engine", () => {
  const models = (/** @type {string} */ model) => /** @type {Event} */ ({ type: "models", models: [], model });
  const start = { ...INITIAL, gamma: 0.5, threshold: { value: 0.7, gamma: 0.5 } }; // as an address may have it
  const first = [models("a"), LOADED, models("a")].reduce(reduce, start);
  assert.deepEqual([first.gamma, first.threshold?.value], [0.5, 0.7]);
  const other = reduce(first, models("b"));
  assert.deepEqual([other.gamma, other.threshold], [null, null]);
});

test("a watcher may stop", () => {
  const store = createStore();
  let heard = 0;
  const stop = store.watch((state) => [state.blocks], () => void heard++);
  stop();
  store.send({ type: "blocks", blocks: true });
  assert.equal(heard, 1);
});

test("a model that fails to load is an error, not a wait", () => {
  assert.equal(status(after(detecting(1), { type: "load-failed", message: "No model." })), "error");
});

test("what is painted is judged without a word, and taken back brings the earlier result", () => {
  const [one, two] = [["a"], ["a", "b"]];
  const before = after(LOADED, detecting(1), detected(1));
  const live = [painted(one), detected(1, one), painted(two)].reduce(reduce, before);
  assert.deepEqual([status(live), live.result?.strokes, live.strokes], ["ready", one, two]);
  assert.equal(message(live), message(reduce(live, detected(1, two))), "the sentence is the same for every stroke");
  const clean = reduce(live, painted([]));
  assert.equal(clean.result, before.result);
  assert.equal(reduce(clean, detected(1, two)).result, before.result, "a late answer does not bring it back");
});

test("another image ends the painting once it is judged, and not where it is refused", () => {
  const strokes = ["a"];
  const live = after(LOADED, detecting(1), detected(1), painted(strokes), detected(1, strokes), detecting(2));
  assert.deepEqual([canPaint(live), reduce(live, painted([])).strokes], [false, strokes]);
  const other = reduce(live, detected(2));
  assert.deepEqual([other.strokes, other.result?.subject.ticket, other.original], [[], 2, other.result]);
  const refused = reduce(live, { type: "detect-failed", ticket: 2, message: "No." });
  assert.deepEqual([canPaint(refused), refused.result?.strokes, refused.original?.subject.ticket], [true, strokes, 1]);
  assert.equal(status(reduce(refused, painted(["a", "b"]))), "ready");
});

test("another engine judges the image, then what is painted on it, and the card shows one of them at a time", () => {
  const strokes = ["a"];
  const other = { ...LOADED.loaded };
  const old = after(LOADED, detecting(1), detected(1), painted(strokes), detected(1, strokes));
  const loading = [{ type: "loading", choice: "webgpu" }, detecting(1)].reduce((state, event) => reduce(state, /** @type {Event} */ (event)), old);
  assert.equal(canPaint(loading), false);
  const half = [{ type: "loaded", loaded: other }, detected(1, [], other)].reduce((state, event) => reduce(state, /** @type {Event} */ (event)), loading);
  assert.deepEqual([status(half), half.result], ["working", old.result]);
  assert.equal(half.original?.loaded, other);
  assert.equal(reduce(half, detected(1, strokes)).result, old.result, "an answer of the earlier engine is dropped");
  const whole = reduce(half, detected(1, strokes, other));
  assert.deepEqual([status(whole), whole.result?.loaded, whole.result?.strokes], ["ready", other, strokes]);
  assert.equal(status(reduce(half, painted([]))), "ready");
});

test("without a judged image there is nothing to paint on", () => {
  assert.equal(canPaint(INITIAL), false);
  assert.equal(after(LOADED, painted(["a"])).strokes.length, 0);
});

test("late progress does not undo a load that ended", () => {
  const state = after(LOADED, { type: "progress", progress: { stage: "starting", loadedBytes: 1, totalBytes: 1 } });
  assert.equal(state.progress, null);
});

test("a watcher hears only of its own part", () => {
  const store = createStore();
  /** @type {number[]} */
  const seen = [];
  store.watch((state) => [state.opacity], (opacity) => seen.push(opacity));
  store.send({ type: "blocks", blocks: true });
  store.send({ type: "opacity", opacity: 0.2 });
  store.send({ type: "opacity", opacity: 0.2 });
  assert.deepEqual(seen, [INITIAL.opacity, 0.2]);
});
