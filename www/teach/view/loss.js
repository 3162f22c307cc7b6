/** The chart of the loss over the time of a training run. The loss axis is logarithmic, because the loss falls by orders of magnitude. */

import { createChart, logarithmic, look } from "../../shared/view/chart.js";

/** @param {HTMLElement} place */
export function createLoss(place) {
  const { colour, axis } = look(place);
  let seconds = 60;
  const chart = createChart(
    place,
    {
      cursor: { show: false },
      scales: {
        x: { time: false, range: () => [0, seconds] },
        y: logarithmic({ low: 1e-3, high: 1e-1 }),
      },
      axes: [
        { ...axis, size: 26, label: "seconds", labelSize: 22, labelGap: 0, labelFont: "14px system-ui" },
        { ...axis, size: 58, values: (_, splits) => splits.map((loss) => (loss !== null && /^[125]e/.test(loss.toExponential()) ? String(loss) : "")) },
      ],
      series: [{}, { stroke: colour("--accent"), width: 2, points: { show: false } }],
    },
    [[], []],
  );

  /**
   * @param {readonly { busySeconds: number, loss: number }[]} losses
   * @param {number} total_s the planned duration of the training run
   */
  return (losses, total_s) => {
    seconds = total_s;
    chart.setData([losses.map(({ busySeconds }) => busySeconds), losses.map(({ loss }) => loss)]);
  };
}
