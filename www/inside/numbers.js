/** What follows from a block's similarities: the terms of Eq. 1 and 2. */

/** @typedef {import("../protocol.js").InspectedBlock} InspectedBlock */

/** A sum of weights this near to 1 was brought to it. */
const ROUNDING = 1e-4;

/**
 * Every weight before the shrinkage, as multiples of 1/N, the strongest first.
 * @param {Float32Array} similarities
 */
export function ranked(similarities) {
  const sum = sumOfPowers(similarities);
  return Float64Array.from(similarities, (similarity) => (similarities.length * Math.exp(similarity)) / sum).sort().reverse();
}

/**
 * The terms of the formula, for the strongest item.
 * @param {InspectedBlock} block with at least one item
 */
export function terms({ count, survivors, weight_sum, similarities, items }) {
  const [first] = items;
  if (!first) throw new Error("No item of the memory answers this block.");
  const sum = sumOfPowers(similarities);
  const power = Math.exp(first.similarity);
  return { item: first.index, similarity: first.similarity, power, sum, weight: power / sum, cut: 1 / count, isRenormalized: survivors < count && Math.abs(weight_sum - 1) < ROUNDING };
}

/** @param {Float32Array} similarities */
function sumOfPowers(similarities) {
  return similarities.reduce((sum, similarity) => sum + Math.exp(similarity), 0);
}
