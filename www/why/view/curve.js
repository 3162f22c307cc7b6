/** A chart of the errors of normal and defective images against the block size, and of one image among them. It shows the gap between the two curves, and a click chooses a block size. */

import { createChart, look } from "../../shared/view/chart.js";

/**
 * @param {HTMLElement} place
 * @param {{ label: string, y: import("uplot").Scale, values: (value: number) => string, room: number }} axes the label of the block sizes; scale, texts and width of the vertical axis
 * @param {(at: number) => void} onPick the index of the size
 */
export function createCurve(place, { label, y, values, room: width }, onPick) {
  const { colour, axis } = look(place);
  /** @type {readonly string[]} */
  let sizes = [];
  let picked = 0;
  const chart = createChart(
    place,
    {
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: { x: { time: false, range: () => [-0.3, sizes.length - 0.7] }, y },
      axes: [
        { ...axis, splits: () => sizes.map((_, at) => at), values: () => [...sizes], size: 28, label, labelSize: 22, labelGap: 0, labelFont: "14px system-ui" },
        { ...axis, size: width, values: (_, splits) => splits.map((value) => (value === null ? null : values(value))) },
      ],
      series: [
        {},
        { stroke: colour("--normal"), width: 3, points: { show: true, size: 9, fill: colour("--card") } },
        { stroke: colour("--anomalous"), width: 3, dash: [8, 4], points: { show: true, size: 9, fill: colour("--anomalous") } },
        { stroke: colour("--ink"), width: 1, dash: [2, 3], points: { show: true, size: 5, fill: colour("--ink") } },
      ],
      bands: [{ series: [2, 1], fill: colour("--beyond") }],
      hooks: {
        drawClear: [
          (chart) => {
            const x = chart.valToPos(picked, "x", true);
            chart.ctx.fillStyle = colour("--sunk")();
            chart.ctx.fillRect(x - 14 * devicePixelRatio, chart.bbox.top, 28 * devicePixelRatio, chart.bbox.height);
          },
        ],
      },
    },
    [[], [], [], []],
  );
  place.addEventListener("click", () => {
    const at = chart.cursor.idx ?? -1;
    if (at in sizes) onPick(at);
  });

  /**
   * @param {readonly string[]} all
   * @param {number} current the index of the current size
   * @param {readonly (readonly (number | null)[])[]} curves of the normal images, of the defective ones, and of one image, if there is one: shares, drawn as per cent; null while a value is not known yet
   */
  return (all, current, [normal = [], defective = [], one = []]) => {
    sizes = all;
    picked = current;
    const percents = (/** @type {readonly (number | null)[]} */ shares) => shares.map((share) => share && 100 * share);
    chart.setData([all.map((_, at) => at), percents(normal), percents(defective), percents(one)]);
  };
}
