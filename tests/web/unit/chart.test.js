import assert from "node:assert/strict";
import test from "node:test";
import { logarithmic } from "../../../www/shared/view/chart.js";

test("a logarithmic axis begins and ends on whole digits: from anything else the library counts for ever", () => {
  const { range } = logarithmic({ low: 1e-3, high: 1e-1 });
  const of = (/** @type {any[]} */ ...values) => /** @type {any} */ (range)(null, ...values);
  for (const [low, high] of [[0.00971, 0.4], [0.0146, 0.0147], [1, 1]]) {
    for (const end of of(low, high)) assert.match(end.toExponential(), /^\de/);
    assert.ok(of(low, high)[0] <= /** @type {number} */ (low) && of(low, high)[1] >= /** @type {number} */ (high));
  }
  assert.deepEqual(of(null, null), [1e-3, 1e-1]);
});
