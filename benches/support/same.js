/** Checks that both sides compute the same, because otherwise a comparison of their times means nothing. */

import assert from "node:assert/strict";

const TOLERANCE = 1e-3;

/** @typedef {{ reconstructionScore: number, alignmentScore: number, errorMap: number[] }} Scores */

/**
 * @param {Scores} ours
 * @param {Scores} peer
 */
export function assertSameScores(ours, peer) {
  assertClose([ours.reconstructionScore], [peer.reconstructionScore], "R");
  assertClose([ours.alignmentScore], [peer.alignmentScore], "L");
  assertClose(ours.errorMap, peer.errorMap, "error map");
}

/**
 * @param {Record<string, number>} ours
 * @param {Record<string, number>} peer
 */
export function assertSameLosses(ours, peer) {
  assert.deepEqual(Object.keys(ours).sort(), Object.keys(peer).sort());
  for (const [name, value] of Object.entries(ours)) assertClose([value], [peer[name] ?? NaN], `${name} loss`);
}

/**
 * Compares values; the tolerance is relative to the largest value if that is above 1.
 * @param {number[]} ours
 * @param {number[]} peer
 * @param {string} what
 */
export function assertClose(ours, peer, what) {
  assert.equal(ours.length, peer.length, `values of the ${what}`);
  const scale = peer.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  const worst = peer.reduce((most, value, index) => {
    const difference = Math.abs((ours[index] ?? NaN) - value);
    return difference <= most ? most : difference; // NaN counts as the largest difference
  }, 0);
  assert.ok(worst <= TOLERANCE * scale, `the ${what} differs by ${worst}: ours ${ours[0]}…, the peer's ${peer[0]}…`);
  console.error(`${what}: ${peer[0]} agrees to ${(worst / scale).toExponential(1)}`);
}
