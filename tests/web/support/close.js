/** Compares scores that different engines compute. */

import assert from "node:assert/strict";

/**
 * Checks that two scores of the same image are equal within the tolerance, which is relative for scores above 1.
 * @param {number} actual
 * @param {number} expected
 */
export function assertClose(actual, expected, what = "score", tolerance = 1e-3) {
  assert.ok(Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)), `${what}: got ${actual}, expected ${expected}`);
}
