import assert from "node:assert/strict";
import test from "node:test";
import { why } from "../../../www/shared/camera.js";
import { INITIAL, WINDOW_S, current, pace, reduce, speed, verdict } from "../../../www/try/live/state.js";

/** @param {readonly import("../../../www/try/live/state.js").Event[]} events */
function after(...events) {
  return events.reduce(reduce, reduce(INITIAL, { type: "opened", kind: "video", name: "a.webm" }));
}

/** @param {number} at_s @param {number} score @returns {import("../../../www/try/live/state.js").Event} */
function judged(at_s, score) {
  return { type: "judged", at_s, score, unfamiliarity: 0 };
}

test("one odd frame moves the smoothed score a little, a lasting change all the way", () => {
  const calm = [0, 0.1, 0.2, 0.3].map((at_s) => judged(at_s, 0));
  const odd = current(after(...calm, judged(0.4, 10))) ?? NaN;
  assert.ok(odd > 0.5 && odd < 3, String(odd));
  const lasting = Array.from({ length: 40 }, (_, frame) => judged(0.4 + frame / 10, 10));
  assert.ok((current(after(...calm, ...lasting)) ?? 0) > 9.9);
});

test("how much is smoothed depends on time, not on the number of frames", () => {
  const [few, many] = [2, 20].map((rate) => current(after(judged(0, 0), ...Array.from({ length: rate }, (_, frame) => judged((frame + 1) / rate, 1)))) ?? NaN);
  assert.ok(Math.abs((few ?? 0) - (many ?? 1)) < 1e-9);
});

test("only the last half minute is kept, and a video wound back begins anew", () => {
  const long = after(judged(0, 1), judged(10, 1), judged(WINDOW_S + 5, 1));
  assert.deepEqual(long.moments.map(({ at_s }) => at_s), [10, WINDOW_S + 5]);
  const back = reduce(long, judged(2, 7));
  assert.deepEqual(back.moments, [{ at_s: 2, score: 7, smooth: 7, unfamiliarity: 0 }]);
});

test("frames that nobody judged are counted as dropped", () => {
  const state = after({ type: "seen", frames: 3 }, judged(0, 1), { type: "seen", frames: 3 }, judged(0.5, 1), judged(1, 1));
  assert.equal(pace(state), 2);
  assert.equal(speed(state), "2.0 frames a second judged, 3 of 6 dropped");
});

test("closing forgets all; a failure keeps what was seen", () => {
  assert.deepEqual(reduce(after(judged(0, 1)), { type: "closed" }), INITIAL);
  const failed = reduce(after(judged(0, 1)), { type: "failed", message: "No." });
  assert.deepEqual([failed.error, failed.judged], ["No.", 1]);
});

test("says why there is no camera", () => {
  const named = (/** @type {string} */ name) => Object.assign(new Error(), { name });
  assert.match(why(named("NotAllowedError"), "the camera"), /not allowed to use the camera/);
  assert.match(why(named("NotFoundError"), "the camera"), /No camera/);
  assert.match(why(named("SecurityError"), "the camera"), /https/);
  assert.match(why(named("NotSupportedError"), "a.avi"), /cannot play a\.avi/);
});

test("a source of another kind is unfamiliar, but not for a single odd frame", () => {
  const strange = (/** @type {number} */ at_s) => ({ .../** @type {Extract<import("../../../www/try/live/state.js").Event, { type: "judged" }>} */ (judged(at_s, 9)), unfamiliarity: 2 });
  assert.equal(verdict(after(), 1), null);
  assert.equal(verdict(after(strange(0)), 1), "unfamiliar");
  assert.equal(verdict(after(judged(0, 0), strange(0.1)), 9), "normal");
  assert.equal(verdict(after(judged(0, 9)), 1), "anomalous");
});
