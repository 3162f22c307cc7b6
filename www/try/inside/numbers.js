/** Computes the terms of Eq. 1 and 2 from a block's similarities. */

/** @typedef {import("../../shared/types.js").InspectedBlock} InspectedBlock */

/** If the sum of the remaining weights differs from 1 by less than this, the weights were renormalized. */
const ROUNDING = 1e-4;

/**
 * Every weight before the shrinkage, as multiples of 1/N, the strongest first.
 * @param {Pick<InspectedBlock, "similarities" | "temperature">} block
 */
export function ranked({ similarities, temperature }) {
  const sum = sumOfPowers(similarities, temperature);
  return Float64Array.from(similarities, (similarity) => (similarities.length * Math.exp(similarity / temperature)) / sum).sort().reverse();
}

/**
 * The terms of the formula, for the strongest item.
 * @param {InspectedBlock} block with at least one item
 */
export function terms({ count, survivors, weightSum, similarities, temperature, items }) {
  const [first] = items;
  if (!first) throw new Error("No item of the memory answers this block.");
  const sum = sumOfPowers(similarities, temperature);
  const power = Math.exp(first.similarity / temperature);
  return { item: first.index, similarity: first.similarity, power, sum, weight: power / sum, cut: 1 / count, isRenormalized: survivors < count && Math.abs(weightSum - 1) < ROUNDING };
}

/**
 * @param {Float32Array} similarities
 * @param {number} temperature
 */
function sumOfPowers(similarities, temperature) {
  return similarities.reduce((sum, similarity) => sum + Math.exp(similarity / temperature), 0);
}
