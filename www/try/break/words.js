/** The sentences about a painted image. */

import * as format from "../../shared/format.js";

/** @typedef {{ score: number, verdict: import("../../shared/types.js").Verdict }} Judged */

/**
 * @param {Judged} before
 * @param {Judged} now
 */
export function compared(before, now) {
  const verdict = before.verdict === now.verdict ? `still ${now.verdict}` : `${before.verdict} before, ${now.verdict} now`;
  return `Score ${format.score(before.score)} → ${format.score(now.score)}: ${verdict}.`;
}

/** @param {import("./strokes.js").Point} point */
export function whereabouts({ x, y }) {
  return `${Math.round(100 * x)} % from the left, ${Math.round(100 * y)} % from the top.`;
}
