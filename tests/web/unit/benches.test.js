import assert from "node:assert/strict";
import test from "node:test";
import { median, sideBySide } from "../../../benches/support/measure.js";
import { cells, judge } from "../../../benches/support/verdict.js";

/** @type {import("../../../benches/support/verdict.js").Row} */
const faster = { id: "a", what: "judge", unit: "ms", aim: { of: "ratio", most: 0.5 } };
/** @type {import("../../../benches/support/verdict.js").Row} */
const small = { id: "b", what: "download", unit: "MB", aim: { of: "ours", most: 0.4 } };

test("an aim is met by the ratio or by our own figure, whichever it is about", () => {
  assert.equal(judge(faster, { ours: 50, peer: 100 }), "met");
  assert.equal(judge(faster, { ours: 51, peer: 100 }), "misses");
  assert.equal(judge(small, { ours: 0.33, peer: 0.1 }), "met");
  assert.equal(judge({ ...faster, aim: { of: "ratio", least: 1 } }, { ours: 2, peer: 3 }), "misses");
});

test("what was not measured meets nothing", () => {
  assert.equal(judge(faster, { ours: 50 }), "misses");
  assert.equal(judge(faster, { skipped: "not built" }), "skipped");
  assert.equal(judge(faster, { failed: "another score" }), "FAILED");
});

test("a row shows three digits and its units", () => {
  assert.deepEqual(cells(faster, { ours: 123.456, peer: 300 }), ["judge", "123 ms", "300 ms", "0.412", "≤ 0.5", "met"]);
  assert.deepEqual(cells(small, { ours: 0.33333 }), ["download", "0.333 MB", "–", "–", "ours ≤ 0.4 MB", "met"]);
});

test("two sides take turns, and warm-ups do not count", async () => {
  /** @type {string[]} */
  const turns = [];
  const side = (/** @type {string} */ name) => async () => turns.push(name);
  assert.deepEqual(await sideBySide(side("ours"), side("peer"), { rounds: 2, warmUps: 1, pause_ms: 0 }), { ours: 4, peer: 5 });
  assert.deepEqual(turns, ["ours", "peer", "ours", "peer", "ours", "peer"]);
  assert.equal(median([3, 1, 2, 10]), 2.5);
});
