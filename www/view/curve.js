/** The share of wrong pixels against block size, for both images. */

import uPlot from "uplot";
import { SIZES } from "../idea/blocks.js";

/**
 * @param {HTMLElement} place
 * @param {(size: number) => void} onPick
 */
export function createCurve(place, onPick) {
  const style = getComputedStyle(place);
  const colour = (/** @type {string} */ name) => () => style.getPropertyValue(name).trim();
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  let size = 0;
  const chart = new uPlot(
    {
      ...room(place),
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: { x: { time: false, range: [-0.3, SIZES.length - 0.7] }, y: { range: (_, __, most) => [0, Math.max(12, most * 1.1)] } },
      axes: [
        { ...axis, splits: () => SIZES.map((_, at) => at), values: () => SIZES.map(String), size: 26, label: "block size, pixels", labelSize: 18, labelGap: 0, labelFont: "12px system-ui" },
        { ...axis, size: 44, values: (_, values) => values.map((value) => `${value} %`) },
      ],
      series: [
        {},
        { stroke: colour("--normal"), width: 3, points: { show: true, size: 9, fill: colour("--card") } },
        { stroke: colour("--anomalous"), width: 3, dash: [8, 4], points: { show: true, size: 9, fill: colour("--anomalous") } },
      ],
      bands: [{ series: [2, 1], fill: colour("--beyond") }],
      hooks: {
        drawClear: [
          (chart) => {
            const x = chart.valToPos(SIZES.indexOf(size), "x", true);
            chart.ctx.fillStyle = colour("--sunk")();
            chart.ctx.fillRect(x - 14 * devicePixelRatio, chart.bbox.top, 28 * devicePixelRatio, chart.bbox.height);
          },
        ],
      },
    },
    [SIZES.map((_, at) => at), [], []],
    place,
  );
  place.addEventListener("click", () => {
    const picked = SIZES[chart.cursor.idx ?? -1];
    if (picked) onPick(picked);
  });
  new ResizeObserver(() => chart.setSize(room(place))).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.redraw());

  /**
   * @param {number} current
   * @param {{ b: readonly number[], c: readonly number[] }} curves
   */
  return (current, { b, c }) => {
    size = current;
    const percent = (/** @type {readonly number[]} */ shares) => shares.map((share) => 100 * share);
    chart.setData([SIZES.map((_, at) => at), percent(b), percent(c)]);
  };
}

/** @param {HTMLElement} place */
function room({ clientWidth, clientHeight }) {
  return { width: Math.max(200, clientWidth), height: clientHeight };
}
