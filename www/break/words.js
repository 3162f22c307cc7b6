/** What is said of a painted image. */

import * as format from "../format.js";

/** @typedef {{ score: number, anomalous: boolean }} Judged */

/**
 * @param {Judged} before
 * @param {Judged} now
 */
export function compared(before, now) {
  const words = (/** @type {boolean} */ anomalous) => (anomalous ? "anomalous" : "normal");
  const verdict = before.anomalous === now.anomalous ? `still ${words(now.anomalous)}` : `${words(before.anomalous)} before, ${words(now.anomalous)} now`;
  return `Score ${format.score(before.score)} → ${format.score(now.score)}: ${verdict}.`;
}

/** @param {import("./strokes.js").Point} point */
export function whereabouts({ x, y }) {
  return `${Math.round(100 * x)} % from the left, ${Math.round(100 * y)} % from the top.`;
}
