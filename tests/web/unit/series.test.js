import assert from "node:assert/strict";
import test from "node:test";
import { percent } from "../../../www/shared/format.js";
import { address, blockSize, describe, extremes, gap, gaps, initial, key, lesson, next, reduce } from "../../../www/why/series/state.js";

/** @type {import("../../../www/why/series/state.js").Sample[]} */
const SAMPLES = [
  { file: "good.png", label: "normal", title: "" },
  { file: "bad.png", label: "defective", title: "" },
];

/** @type {import("../../../www/why/series/state.js").Kind} */
const FLOORS = { name: "floors", title: "", one: "floor", many: "floors", height: 64, width: 64, first: 4, learned: "", note: "", samples: SAMPLES, rates: [1, 4, 16] };

/** @type {import("../../../www/why/series/state.js").Kind} */
const TOYS = { ...FLOORS, name: "toys", one: "toy", many: "toys", width: 96, first: 1, samples: [{ file: "gallery/toys/broken.png", label: "defective", title: "" }], rates: [1, 2] };

/** @param {URLSearchParams} [at] */
function opened(at, kinds = [FLOORS, TOYS]) {
  return reduce(initial(at), { type: "opened", kinds });
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
  const state = opened(new URLSearchParams("image=good.png&r=16"));
  assert.deepEqual([state.picked, state.rate], ["good.png", 16]);
  assert.deepEqual(address(state), { images: null, image: "good.png", r: "16" });
  assert.deepEqual(address(opened()), { images: null, image: null, r: null });
  const wrong = opened(new URLSearchParams("images=none&image=none&r=3"));
  assert.deepEqual([wrong.kind, wrong.picked, wrong.rate], ["floors", "bad.png", 4]);
});

test("another kind of images has its own models, and begins with its own image and block size", () => {
  const toys = reduce(opened(), { type: "kind", kind: "toys" });
  assert.deepEqual([toys.picked, toys.rate], ["broken.png", 1]);
  assert.deepEqual(address(toys), { images: "toys", image: null, r: null });
  assert.deepEqual(next(toys), { kind: "toys", rate: 1, file: "broken.png" });
  const again = opened(new URLSearchParams("images=toys&image=broken.png&r=2"));
  assert.deepEqual([again.kind, again.picked, again.rate], ["toys", "broken.png", 2]);
  assert.match(lesson(toys), /rebuild the toys…/);
});

test("a block has the shape of the image", () => {
  assert.equal(describe(FLOORS, 4), "16 × 16 pixels, 16 blocks");
  assert.equal(describe(TOYS, 1), "64 × 96 pixels, 1 block");
  assert.equal(blockSize({ ...TOYS, width: 100 }, 8), "8×12.5");
});

test("what is looked at is rebuilt first, and everything once", () => {
  let state = opened();
  const order = [];
  for (let task = next(state); task; task = next(state)) {
    order.push(key(task.rate, task.file));
    state = reduce(state, { type: "rebuilt", ...task, rebuilt: /** @type {any} */ ({ error: 1 }) });
  }
  assert.deepEqual(order, ["4 bad.png", "1 bad.png", "16 bad.png", "4 good.png", "1 good.png", "16 good.png"]);
  assert.deepEqual(next(reduce(state, { type: "lost" })), { kind: "floors", rate: 4, file: "bad.png" });
});

test("the worst normal and the best defective image are those of whole groups only", () => {
  const state = filled(opened(), { "4 good.png": 0.5, "1 bad.png": 0.25 });
  assert.deepEqual(extremes(state), { normal: [null, 0.5, null], defective: [0.25, null, null] });
  assert.equal(gap(state), null);
  assert.match(lesson(state), /rebuild the floors…/);
});

test("of several images the worst normal and the best defective one make the gap", () => {
  const samples = [...SAMPLES, { file: "worse.png", label: /** @type {const} */ ("normal"), title: "" }, { file: "milder.png", label: /** @type {const} */ ("defective"), title: "" }];
  const state = filled(opened(undefined, [{ ...FLOORS, samples, rates: [4] }]), { "4 good.png": 0.25, "4 worse.png": 0.5, "4 bad.png": 1, "4 milder.png": 0.375 });
  assert.deepEqual(extremes(state), { normal: [0.5], defective: [0.375] });
  assert.equal(gap(state), -0.125);
});

test("says of each rate which side of the widest gap it is on", () => {
  const state = filled(opened(), ALL);
  const at = (/** @type {number} */ rate) => lesson({ ...state, rate });
  assert.match(at(4), /^The widest gap\./);
  assert.match(at(1), /^Large blocks.* The gap is small\.$/);
  assert.match(at(16), /^Small blocks.* The gap is small\.$/);
  const overlapping = filled(opened(), { ...ALL, "16 bad.png": 0.0019 });
  assert.match(lesson({ ...overlapping, rate: 16 }), /^Small blocks.* No gap: a defective floor comes back better than a normal one, so no threshold tells them apart\.$/);
  assert.deepEqual(gaps(state).map((gap) => percent(gap ?? NaN)), ["1\u00a0%", "1.9\u00a0%", "0.8\u00a0%"]);
  assert.equal(lesson({ ...state, error: "No." }), "No.");
});
