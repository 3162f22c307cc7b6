/** How the loss falls while a network learns: logarithmic, for it falls by orders of magnitude. */

import uPlot from "uplot";

/** @param {HTMLElement} place */
export function createLoss(place) {
  const style = getComputedStyle(place);
  const colour = (/** @type {string} */ name) => () => style.getPropertyValue(name).trim();
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  const room = () => ({ width: Math.max(200, place.clientWidth), height: place.clientHeight });
  let epochs = 1;
  const chart = new uPlot(
    {
      ...room(),
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: () => [0, epochs] },
        y: { distr: 3, range: (_, low, high) => [(low || 1e-3) / 1.5, (high || 1e-1) * 1.5] },
      },
      axes: [
        { ...axis, size: 26, label: "epochs", labelSize: 18, labelGap: 0, labelFont: "12px system-ui" },
        { ...axis, size: 58, values: (_, splits) => splits.map((loss) => (loss !== null && /^[125]e/.test(loss.toExponential()) ? String(loss) : "")) },
      ],
      series: [{}, { stroke: colour("--accent"), width: 2, points: { show: false } }],
    },
    [[], []],
    place,
  );
  new ResizeObserver(() => chart.setSize(room())).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.redraw());

  /**
   * @param {readonly { epochs: number, loss: number }[]} losses
   * @param {number} total epochs to be done
   */
  return (losses, total) => {
    epochs = Math.max(1, total);
    chart.setData([losses.map(({ epochs }) => epochs), losses.map(({ loss }) => loss)]);
  };
}
