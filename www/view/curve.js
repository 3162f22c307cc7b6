/** Two curves with the gap between them, over a few sizes to pick from: how what is normal and what is not part. */

import uPlot from "uplot";

/**
 * @param {HTMLElement} place
 * @param {{ label: string, y: uPlot.Scale, values: (value: number) => string, room: number }} axes what the sizes are; scale, texts and width of the upright axis
 * @param {(size: number) => void} onPick
 */
export function createCurve(place, { label, y, values, room: width }, onPick) {
  const style = getComputedStyle(place);
  const colour = (/** @type {string} */ name) => () => style.getPropertyValue(name).trim();
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  /** @type {readonly number[]} */
  let sizes = [];
  let size = 0;
  const chart = new uPlot(
    {
      ...room(place),
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: { x: { time: false, range: () => [-0.3, sizes.length - 0.7] }, y },
      axes: [
        { ...axis, splits: () => sizes.map((_, at) => at), values: () => sizes.map(String), size: 26, label, labelSize: 18, labelGap: 0, labelFont: "12px system-ui" },
        { ...axis, size: width, values: (_, splits) => splits.map((value) => (value === null ? null : values(value))) },
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
            const x = chart.valToPos(sizes.indexOf(size), "x", true);
            chart.ctx.fillStyle = colour("--sunk")();
            chart.ctx.fillRect(x - 14 * devicePixelRatio, chart.bbox.top, 28 * devicePixelRatio, chart.bbox.height);
          },
        ],
      },
    },
    [[], [], []],
    place,
  );
  place.addEventListener("click", () => {
    const picked = sizes[chart.cursor.idx ?? -1];
    if (picked) onPick(picked);
  });
  new ResizeObserver(() => chart.setSize(room(place))).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.redraw());

  /**
   * @param {readonly number[]} all
   * @param {number} current
   * @param {readonly [normal: readonly (number | null)[], defective: readonly (number | null)[]]} curves null where a value is not known yet
   */
  return (all, current, [normal, defective]) => {
    sizes = all;
    size = current;
    chart.setData([all.map((_, at) => at), [...normal], [...defective]]);
  };
}

/** @param {HTMLElement} place */
function room({ clientWidth, clientHeight }) {
  return { width: Math.max(200, clientWidth), height: clientHeight };
}
