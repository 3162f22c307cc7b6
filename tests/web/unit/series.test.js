import assert from "node:assert/strict";
import test from "node:test";
import { percent } from "../../../www/shared/format.js";
import { address, extremes, gap, initial, key, lesson, next, reduce } from "../../../www/why/series/state.js";

/** @type {import("../../../www/why/series/state.js").Sample[]} */
const SAMPLES = [
  { file: "good.png", label: "normal", title: "" },
  { file: "bad.png", label: "defective", title: "" },
];

/** @param {URLSearchParams} [at] */
function opened(at) {
  return reduce(initial(at), { type: "opened", rates: [1, 4, 16], samples: SAMPLES });
}

/**
 * @param {import("../../../www/why/series/state.js").State} state
 * @param {Record<string, number>} errors by key
 */
function filled(state, errors) {
  return { ...state, rebuilt: new Map(Object.entries(errors).map(([key, error]) => [key, /** @type {any} */ ({ error })])) };
}

const ALL = { "1 good.png": 0.04, "1 bad.png": 0.05, "4 good.png": 0.001, "4 bad.png": 0.02, "16 good.png": 0.002, "16 bad.png": 0.01 };

test("begins with a defective image in the middle, or with what the address says", () => {
  assert.deepEqual([opened().picked, opened().rate], ["bad.png", 4]);
  const state = opened(new URLSearchParams("floor=good.png&r=16"));
  assert.deepEqual([state.picked, state.rate], ["good.png", 16]);
  assert.deepEqual(address(state), { floor: "good.png", r: "16" });
  assert.deepEqual(address(opened()), { floor: null, r: null });
  const wrong = opened(new URLSearchParams("floor=none&r=3"));
  assert.deepEqual([wrong.picked, wrong.rate], ["bad.png", 4]);
});

test("what is looked at is rebuilt first, and everything once", () => {
  let state = opened();
  const order = [];
  for (let task = next(state); task; task = next(state)) {
    order.push(key(task.rate, task.file));
    state = reduce(state, { type: "rebuilt", ...task, rebuilt: /** @type {any} */ ({ error: 1 }) });
  }
  assert.deepEqual(order, ["4 bad.png", "1 bad.png", "16 bad.png", "4 good.png", "1 good.png", "16 good.png"]);
  assert.deepEqual(next(reduce(state, { type: "lost" })), { rate: 4, file: "bad.png" });
});

test("the worst normal and the best defective image are those of whole groups only", () => {
  const state = filled(opened(), { "4 good.png": 0.5, "1 bad.png": 0.25 });
  assert.deepEqual(extremes(state), { normal: [null, 0.5, null], defective: [0.25, null, null] });
  assert.equal(gap(state, 4), null);
  assert.match(lesson(state), /rebuild the floors…/);
});

test("of several images the worst normal and the best defective one make the gap", () => {
  const samples = [...SAMPLES, { file: "worse.png", label: /** @type {const} */ ("normal"), title: "" }, { file: "milder.png", label: /** @type {const} */ ("defective"), title: "" }];
  const state = filled({ ...opened(), samples, rates: [4] }, { "4 good.png": 0.25, "4 worse.png": 0.5, "4 bad.png": 1, "4 milder.png": 0.375 });
  assert.deepEqual(extremes(state), { normal: [0.5], defective: [0.375] });
  assert.equal(gap(state, 4), -0.125);
});

test("says of each rate which side of the widest gap it is on", () => {
  const state = filled(opened(), ALL);
  const at = (/** @type {number} */ rate) => lesson({ ...state, rate });
  assert.match(at(4), /^The widest gap\./);
  assert.match(at(1), /^Large blocks.* The gap is small\.$/);
  assert.match(at(16), /^Small blocks.* The gap is small\.$/);
  const overlapping = filled(opened(), { ...ALL, "16 bad.png": 0.0019 });
  assert.match(lesson({ ...overlapping, rate: 16 }), /^Small blocks.* No gap: no threshold tells them apart\.$/);
  assert.deepEqual([16, 4, 1].map((rate) => percent(gap(state, rate) ?? NaN)), ["0.8\u00a0%", "1.9\u00a0%", "1\u00a0%"]);
  assert.equal(lesson({ ...state, error: "No." }), "No.");
});
