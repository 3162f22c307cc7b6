/** A small chart of all addressing weights of a memory, the strongest first. It shows how flat they are. */

const NS = "http://www.w3.org/2000/svg";
const HEIGHT = 100;

/**
 * @param {Float64Array} weights as multiples of 1/N, in descending order
 * @param {number} survivors
 * @param {string} label
 */
export function chartOf(weights, survivors, label) {
  const most = Math.max(2, weights[0] ?? 0);
  const y = (/** @type {number} */ weight) => (HEIGHT * (1 - weight / most)).toFixed(2);
  const area = (/** @type {number} */ from, /** @type {number} */ to) =>
    `M${from} ${HEIGHT}${Array.from(weights.subarray(from, to), (weight, at) => `L${from + at} ${y(weight)}L${from + at + 1} ${y(weight)}`).join("")}L${to} ${HEIGHT}Z`;
  const chart = svg("svg", { viewBox: `0 0 ${Math.max(1, weights.length)} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label });
  chart.append(
    svg("path", { class: "kept", d: area(0, survivors) }),
    svg("path", { class: "dropped", d: area(survivors, weights.length) }),
    svg("line", { class: "cut", x1: 0, x2: weights.length, y1: y(1), y2: y(1) }),
  );
  return chart;
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
function svg(tag, attributes) {
  const element = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}
