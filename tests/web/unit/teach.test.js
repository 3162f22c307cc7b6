import assert from "node:assert/strict";
import test from "node:test";
import { crops } from "../../../www/teach/crops.js";
import { FEWEST, INITIAL, MOST, isBusy, secondsLeft, message, outcome, obstacle, reduce, tally, whyNotTaken } from "../../../www/teach/state.js";

/** @typedef {import("../../../www/teach/state.js").Event} Event */

/** @param {number} count @param {number} [first] @returns {any[]} */
function photos(count, first = 0) {
  return Array.from({ length: count }, (_, at) => ({ id: first + at, name: `${first + at}.png`, picture: new Uint8Array(), thumb: null }));
}

/** @param {...Event} events */
function after(...events) {
  return events.reduce(reduce, reduce(INITIAL, { type: "added", photos: photos(20) }));
}

/** @type {Event[]} */
const BEGUN = [{ type: "started" }, { type: "engine", backend: "wasm", threads: 2, gpu: "", note: "" }, { type: "begun", trainedOn: 17, heldOut: 3, meanImageError: 0.05 }];

test("pieces lie within the picture, from edge to edge, and no two are the same", () => {
  for (const [width, height, side, count] of /** @type {const} */ ([[100, 100, 25, 64], [300, 100, 50, 40], [64, 500, 64, 20], [101, 67, 66, 400], [30, 30, 30, 9]])) {
    const places = crops(width, height, side, count);
    assert.ok(places.length >= 1 && places.length <= count, `${places.length} of ${count}`);
    assert.ok(places.every(({ x, y }) => x >= 0 && y >= 0 && x + side <= width && y + side <= height));
    assert.equal(new Set(places.map(({ x, y }) => `${x} ${y}`)).size, places.length);
  }
  assert.equal(crops(100, 100, 25, 64).length, 64);
  assert.deepEqual(crops(100, 100, 25, 64).at(-1), { x: 75, y: 75 });
});

test("a picture smaller than its pieces has none", () => {
  assert.deepEqual(crops(10, 10, 11, 4), []);
  assert.deepEqual(crops(10, 10, 0, 4), []);
});

test("a page where nothing can be taught says why, however many images there are", () => {
  const reason = "Training needs a page of its own.";
  for (const state of [{ ...INITIAL, unteachable: reason }, { ...after(), unteachable: reason }]) {
    assert.equal(message(state), reason);
    assert.equal(obstacle(state), reason);
  }
});

test("too few images are refused in a sentence that says how many and why", () => {
  const state = reduce(INITIAL, { type: "added", photos: photos(FEWEST - 1) });
  assert.match(obstacle(state), /at least 8 images, and has 7: .+\.$/);
  assert.equal(message(state), obstacle(state));
  assert.equal(obstacle(reduce(state, { type: "added", photos: photos(1, 7) })), "");
});

test("images are removed one by one or all at once, and there is a limit that is told", () => {
  assert.deepEqual(after({ type: "removed", id: 3 }).photos.length, 19);
  assert.deepEqual(after({ type: "cleared" }).photos, []);
  const full = after({ type: "added", photos: photos(MOST, 20) });
  assert.equal(full.photos.length, MOST);
  assert.match(full.notice, /20 were left out/);
});

test("a training run goes from the download to the model, and its time left is what was chosen less what is over", () => {
  const begun = after(...BEGUN);
  assert.ok(isBusy(begun));
  assert.equal(secondsLeft(begun), null);
  const learned = reduce(begun, { type: "learned", loss: 0.1, epochs: 5, busySeconds: 20, imagesPerSecond: 17 });
  assert.equal(secondsLeft(learned), 40);
  const paused = reduce(learned, { type: "paused" });
  assert.equal(paused.phase, "paused");
  assert.equal(reduce(paused, { type: "resumed" }).phase, "learning");
  const weights = new Uint8Array(1);
  const done = [{ type: "finishing" }, { type: "finished", weights }].reduce((state, event) => reduce(state, /** @type {Event} */ (event)), learned);
  assert.deepEqual([done.phase, done.weights, isBusy(done)], ["done", weights, false]);
});

test("whatever ends a training run, the images stay", () => {
  for (const event of /** @type {Event[]} */ ([{ type: "given-up" }, { type: "failed", message: "a loss became NaN in epoch 3" }])) {
    const state = after(...BEGUN, event);
    assert.deepEqual([state.photos.length, state.phase], [20, "collecting"]);
  }
});

test("what went wrong is one sentence, with the name of the image that it was", () => {
  assert.match(message(after(...BEGUN, { type: "failed", message: "diverged: a loss became NaN in epoch 3; try a lower learning rate" })), /^The training went astray: /);
  assert.equal(message(after(...BEGUN, { type: "failed", message: "image 3: it is no image" })), "2.png: It is no image.");
});

test("of images that the visitor says something about it counts what is flagged and what is missed, and says when to teach longer", () => {
  const tested = (/** @type {import("../../../www/shared/types.js").Label} */ label, /** @type {import("../../../www/shared/types.js").Verdict} */ verdict) => /** @type {Event} */ ({ type: "tested", tested: { label, verdict, name: "", score: 0, picture: /** @type {any} */ (null) } });
  assert.equal(tally(after()), "");
  const right = after(tested("normal", "normal"), tested("defective", "anomalous"), tested("defective", "unfamiliar"));
  assert.equal(tally(right), "It catches 2 of 2 bad ones. It flags 0 of 1 good ones.");
  const wrong = after({ type: "duration", seconds: 60 }, tested("normal", "anomalous"), tested("defective", "normal"));
  assert.equal(tally(wrong), "It catches 0 of 1 bad ones. It flags 1 of 1 good ones. Teach it again, for longer, or with more good ones.");
  assert.match(tally({ ...wrong, seconds: 180 }), /taken more alike\.$/);
  assert.deepEqual(reduce(wrong, { type: "started" }).tested, []);
});

test("a test image says what it is and what became of it", () => {
  assert.equal(outcome("normal", "normal"), "good: passed");
  assert.equal(outcome("normal", "anomalous"), "good: flagged");
  assert.equal(outcome("defective", "normal"), "bad: missed");
  assert.equal(outcome("defective", "unfamiliar"), "bad: caught, unlike all it learned");
});

test("once an image is tested, nothing asks for the first test any more", () => {
  const done = after(...BEGUN, { type: "learned", loss: 0.01, epochs: 1, busySeconds: 1, imagesPerSecond: 1 }, { type: "finishing" }, { type: "finished", weights: new Uint8Array() });
  assert.match(message(done), /Now test it/);
  const picture = /** @type {any} */ (null);
  assert.doesNotMatch(message(reduce(done, { type: "tested", tested: { label: "normal", verdict: "normal", name: "", score: 0, picture } })), /Now test it/);
});

test("a network that rebuilds no better than by the mean of all images is not praised", () => {
  const learned = (/** @type {number} */ loss) => after(...BEGUN, { type: "learned", loss, epochs: 1, busySeconds: 1, imagesPerSecond: 1 }, { type: "finishing" }, { type: "finished", weights: new Uint8Array() });
  assert.match(message(learned(0.05)), /^It has not learned to rebuild yet: .+\.$/);
  assert.match(message(learned(0.01)), /^It has learned from 17 images\./);
});

test("images dropped beside the fields are taken to learn from, or it is said where they belong", () => {
  const refusal = (/** @type {import("../../../www/teach/state.js").State["phase"]} */ phase) => whyNotTaken({ phase });
  assert.equal(refusal("collecting"), "");
  assert.match(refusal("done"), /“good ones” or on “bad ones”/);
  assert.match(refusal("learning"), /once it is done/);
});
