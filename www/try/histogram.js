/**
 * The normal scores as bars, on an axis that shows both a normal image (around 1) and a severe defect (around 100). It is
 * linear up to `edge`, just past the normal scores and the threshold, then logarithmic over three decades. Positions are 0 to 1.
 *
 * @typedef {{ from: number, to: number, count: number, share: number }} Bar `from` and `to` are positions, `share` is of the highest bar
 * @typedef {{ position: number, label: string }} Tick
 * @typedef {{ low: number, edge: number }} Axis
 */

const LINEAR_SHARE = 0.62;
const DECADES = 3;

/**
 * @param {readonly number[]} scores
 * @param {number} threshold
 * @returns {Axis}
 */
export function axis(scores, threshold) {
  const values = [...scores, threshold].filter(Number.isFinite);
  const top = Math.max(0, ...values);
  const low = Math.min(0, ...values);
  const room = (top - low) * 0.06; // space beside the last bar for the threshold's line
  return { low: low < 0 ? low - room : 0, edge: top + room || 1 };
}

/**
 * The axis does not depend on the visitor's threshold, because otherwise it would change while the slider moves.
 * @param {import("./judgement.js").Criterion} rule
 */
export function axisOf({ scores, ownThreshold }) {
  return axis(scores, ownThreshold);
}

/**
 * @param {Axis} axis
 * @param {number} value
 */
export function position({ low, edge }, value) {
  if (Number.isNaN(value)) return 0;
  if (value <= edge) return (Math.max(0, value - low) / (edge - low)) * LINEAR_SHARE;
  const tail = Math.log10(value / edge) / DECADES;
  return LINEAR_SHARE + Math.min(1, tail) * (1 - LINEAR_SHARE);
}

/**
 * The value at a position, the inverse of `position`.
 * @param {Axis} axis
 * @param {number} at 0 to 1
 */
export function valueAt({ low, edge }, at) {
  if (at <= LINEAR_SHARE) return low + (at / LINEAR_SHARE) * (edge - low);
  return edge * 10 ** (((at - LINEAR_SHARE) / (1 - LINEAR_SHARE)) * DECADES);
}

/**
 * @param {Axis} axis
 * @returns {Tick[]}
 */
export function ticks(axis) {
  const { low, edge } = axis;
  const step = niceStep((edge - low) / 4);
  const values = [];
  for (let i = Math.ceil(low / step); i * step <= edge; i++) values.push(i * step);
  const last = values.at(-1) ?? edge;
  for (let decade = 10 ** Math.ceil(Math.log10(last * 2)); decade <= edge * 10 ** DECADES; decade *= 10) values.push(decade);
  return values.map((value) => ({ position: position(axis, value), label: value < 1000 ? String(Number(value.toPrecision(6))) : `${value / 1000}k` }));
}

/**
 * Counts the scores in equal bins over the linear part. The number of bins is about the square root of the number of scores.
 * @param {readonly number[]} scores
 * @param {Axis} axis
 * @returns {Bar[]}
 */
export function bars(scores, axis) {
  const finite = scores.filter(Number.isFinite);
  const bins = Math.min(30, Math.max(8, Math.ceil(2 * Math.sqrt(finite.length))));
  const counts = new Array(bins).fill(0);
  const width = (axis.edge - axis.low) / bins;
  for (const value of finite) counts[Math.min(bins - 1, Math.max(0, Math.floor((value - axis.low) / width)))]++;
  const highest = Math.max(1, ...counts);
  return counts.map((count, i) => ({
    from: (i / bins) * LINEAR_SHARE,
    to: ((i + 1) / bins) * LINEAR_SHARE,
    count,
    share: count / highest,
  }));
}

/** The position where the axis changes from linear to logarithmic. */
export const EDGE_POSITION = LINEAR_SHARE;

/** The round number (1, 2 or 5 times a power of ten) at or above `step`.
 * @param {number} step */
function niceStep(step) {
  const power = 10 ** Math.floor(Math.log10(step));
  const digit = step / power;
  return (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10) * power;
}
