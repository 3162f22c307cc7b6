/**
 * The anomaly score taken apart (Eq. 7): each raw score is scaled by the range of held-out normal images, then weighed.
 *
 * @typedef {{ symbol: "R" | "L", name: "reconstruction" | "alignment", raw: number, scaled: number, weight: number, adds: number }} Part
 *
 * @param {import("./protocol.js").Detection} detection
 * @param {import("./protocol.js").ModelInfo} info
 * @returns {Part[]}
 */
export function recipe(detection, info) {
  const { reconstruction_score: r, alignment_score: l } = detection;
  if (l === null || info.alignment === null) return [part("R", "reconstruction", r, info.reconstruction, 1)]; // no discriminator: R is all
  const { gamma } = info;
  return [part("R", "reconstruction", r, info.reconstruction, gamma), part("L", "alignment", l, info.alignment, 1 - gamma)];
}

/**
 * @param {"R" | "L"} symbol
 * @param {"reconstruction" | "alignment"} name
 * @param {number} raw
 * @param {import("./protocol.js").Range} range
 * @param {number} weight
 * @returns {Part}
 */
function part(symbol, name, raw, { min, max }, weight) {
  const scaled = (raw - min) / (max > min ? max - min : 1); // an interval of no width only shifts
  return { symbol, name, raw, scaled, weight, adds: weight * scaled };
}
