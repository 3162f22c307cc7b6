/** What all charts of the page have in common: the page's colours, and the size of their place. */

import uPlot from "uplot";

/** @param {HTMLElement} place */
export function look(place) {
  const style = getComputedStyle(place);
  const colour = (/** @type {string} */ name) => () => style.getPropertyValue(name).trim();
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "14px system-ui" };
  return { colour, axis };
}

/**
 * Of a logarithmic axis. On whole digits: from a value such as 0.0097 the library counts for ever.
 * @param {{ low: number, high: number }} empty where there are no values yet
 * @returns {uPlot.Scale}
 */
export function logarithmic({ low: lowest, high: highest }) {
  return { distr: 3, range: (_, low, high) => uPlot.rangeLog(low || lowest, high || highest, 10, false) };
}

/**
 * A chart that keeps the size of its place and the colours of the page.
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
