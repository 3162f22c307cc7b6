import assert from "node:assert/strict";
import test from "node:test";
import { gap, share } from "../../../www/why/gap.js";

test("black pixels where white ones belong are errors of one, and a share of wrong pixels is an error", () => {
  assert.equal(share((1 - -1) ** 2), 1);
  assert.equal(share((1 - -1) ** 2 * 0.25), 0.25);
});

test("the gap has a sign", () => {
  assert.equal(gap(0.25, 0.5), 0.25);
  assert.equal(gap(0.5, 0.25), -0.25);
});
