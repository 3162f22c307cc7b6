/** What all charts of the page share: the page's colours, and the size of the element that contains them. */

import uPlot from "uplot";

/** @param {HTMLElement} place */
export function look(place) {
  const style = getComputedStyle(place);
  const colour = (/** @type {string} */ name) => () => style.getPropertyValue(name).trim();
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "14px system-ui" };
  return { colour, axis };
}

/**
 * The scale of a logarithmic axis. Its ends are powers of ten, because from an end such as 0.0097 the library computes ticks without end.
 * @param {{ low: number, high: number }} empty the ends while there are no values
 * @returns {uPlot.Scale}
 */
export function logarithmic({ low: lowest, high: highest }) {
  return { distr: 3, range: (_, low, high) => uPlot.rangeLog(low || lowest, high || highest, 10, false) };
}

/**
 * A chart that follows the size of its element and the colours of the page.
 * @param {HTMLElement} place
 * @param {Omit<uPlot.Options, "width" | "height">} options
 * @param {uPlot.AlignedData} data
 */
export function createChart(place, options, data) {
  const room = () => ({ width: Math.max(200, place.clientWidth), height: Math.max(100, place.clientHeight) });
  const chart = new uPlot({ ...room(), legend: { show: false }, ...options }, data, place);
  new ResizeObserver(() => place.clientWidth > 0 && chart.setSize(room())).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.redraw());
  return chart;
}
