/**
 * Estimates how many false alarms a threshold causes, from the scores of held-out normal images.
 * The rank is 0 for the lowest score and the last index for the highest, and linear between neighbours, as in the library's computation of thresholds.
 */

/**
 * The rank of a value. Outside the scores' range the rank continues linearly, so every value has its own rank. The unit there is the width of the range.
 * @param {readonly number[]} ascending at least one
 * @param {number} value
 */
export function rank(ascending, value) {
  const { last, lowest, highest, width } = ends(ascending);
  if (value < lowest) return (value - lowest) / width;
  if (value >= highest) return last + (value - highest) / width;
  const at = ascending.findIndex((score) => score > value) - 1;
  const [low, high] = [ascending[at] ?? lowest, ascending[at + 1] ?? highest];
  return at + (value - low) / (high - low);
}

/**
 * The value at a rank: undoes `rank`.
 * @param {readonly number[]} ascending at least one
 * @param {number} rank
 */
export function valueAt(ascending, rank) {
  const { last, lowest, highest, width } = ends(ascending);
  if (rank < 0) return lowest + rank * width;
  if (rank >= last) return highest + (rank - last) * width;
  const at = Math.floor(rank);
  const [low, high] = [ascending[at] ?? lowest, ascending[at + 1] ?? highest];
  return low + (high - low) * (rank - at);
}

/**
 * The share of normal images that a threshold flags, 0 to 1.
 * @param {readonly number[]} ascending at least one
 * @param {number} threshold
 */
export function falseAlarmRate(ascending, threshold) {
  const last = ascending.length - 1;
  if (last === 0) return threshold < (ascending[0] ?? 0) ? 1 : 0;
  return Math.min(1, Math.max(0, 1 - rank(ascending, threshold) / last));
}

/**
 * The false-alarm rate in words. A rate below one alarm among all the scores cannot be estimated from them.
 * @param {readonly number[]} ascending at least one
 * @param {number} threshold
 */
export function falseAlarms(ascending, threshold) {
  const rate = falseAlarmRate(ascending, threshold);
  const isKnown = rate * ascending.length >= 1 - 1e-9; // a rate of exactly one in all of them is known
  const count = rate < 0.001 ? Number((rate * 1000).toPrecision(1)) : Math.round(rate * 1000);
  if (!isKnown) return `too few of the ${ascending.length} normal scores lie above it to say how many false alarms per 1000 normal images`;
  return `about ${count} false alarm${count === 1 ? "" : "s"} per 1000 normal images`;
}

/** @param {readonly number[]} ascending */
function ends(ascending) {
  const last = ascending.length - 1;
  const [lowest = 0, highest = 0] = [ascending[0], ascending[last]];
  return { last, lowest, highest, width: highest > lowest ? highest - lowest : 1 };
}
