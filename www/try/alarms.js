/**
 * Estimates how many false alarms a threshold causes, from the scores of held-out normal images.
 * The rank is 0 for the lowest score and the last index for the highest, and linear between neighbours.
 */

/**
 * The rank of a value. Outside the scores' range the rank continues linearly, so every value has its own rank. There, one rank is as wide as the whole range.
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
 * The value at a rank, the inverse of `rank`.
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
 * An upper bound of the share of normal images that a threshold flags, 0 to 1. Among n normal images and a new one, each is equally likely to have the highest score. So if m of the n lie above the threshold, the new one lies above it with a probability of at most (m + 1) / (n + 1).
 * @param {readonly number[]} ascending at least one
 * @param {number} threshold
 */
export function falseAlarmRate(ascending, threshold) {
  const above = ascending.filter((score) => score > threshold).length;
  return (above + 1) / (ascending.length + 1);
}

/**
 * The false-alarm rate in words.
 * @param {readonly number[]} ascending at least one
 * @param {number} threshold
 */
export function falseAlarms(ascending, threshold) {
  const rate = falseAlarmRate(ascending, threshold);
  const count = rate < 0.001 ? Number((rate * 1000).toPrecision(1)) : Math.round(rate * 1000);
  const most = `at most ${count} false alarm${count === 1 ? "" : "s"} per 1000 normal images`;
  const isLeast = threshold >= (ascending.at(-1) ?? 0);
  return isLeast ? `${most}; ${ascending.length} image${ascending.length === 1 ? "" : "s"} cannot support less` : most;
}

/** @param {readonly number[]} ascending */
function ends(ascending) {
  const last = ascending.length - 1;
  const [lowest = 0, highest = 0] = [ascending[0], ascending[last]];
  return { last, lowest, highest, width: highest > lowest ? highest - lowest : 1 };
}
