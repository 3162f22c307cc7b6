/**
 * The anomaly score taken apart (Eq. 7): each raw score is scaled by the range of held-out normal images, then weighed.
 *
 * @typedef {{ symbol: "R" | "L", name: "reconstruction" | "alignment", raw: number, scaled: number, weight: number, adds: number }} Part
 */

import { scale } from "./judgement.js";

/**
 * @param {Pick<import("../shared/types.js").Detection, "reconstructionScore" | "alignmentScore">} detection
 * @param {Pick<import("../shared/types.js").ModelInfo, "reconstruction" | "alignment">} info
 * @param {number} gamma
 * @returns {Part[]}
 */
export function recipe({ reconstructionScore: r, alignmentScore: l }, info, gamma) {
  if (l === null || info.alignment === null) return [part("R", "reconstruction", r, info.reconstruction, 1)]; // no discriminator: R is all
  return [part("R", "reconstruction", r, info.reconstruction, gamma), part("L", "alignment", l, info.alignment, 1 - gamma)];
}

/**
 * @param {"R" | "L"} symbol
 * @param {"reconstruction" | "alignment"} name
 * @param {number} raw
 * @param {import("../shared/types.js").Range} range
 * @param {number} weight
 * @returns {Part}
 */
function part(symbol, name, raw, range, weight) {
  const scaled = scale(raw, range);
  return { symbol, name, raw, scaled, weight, adds: weight * scaled };
}
