/** The scores of normal images as bars, and on the same axis the threshold and the image of the card. */

import uPlot from "uplot";
import * as format from "../../shared/format.js";
import { EDGE_POSITION, axisOf, bars, position, ticks } from "../histogram.js";
import { createChart, look } from "../../shared/view/chart.js";
import { find, make } from "../../shared/view/dom.js";

/** Space for two rows of labels above, and for the axis numbers below. The style sheet gives the same space at the sides. */
const [TOP, FOOT, SIDE] = [46, 28, 12];

/** The top of the vertical axis, so that there is space between the highest bar and the labels. */
const FULL = 1.08;

/** @param {HTMLElement} place */
export function createHistogram(place) {
  const { colour, axis } = look(place);
  /** @type {ReturnType<typeof ticks>} */
  let numbers = [];
  let threshold = 0;
  const chart = createChart(
    place,
    {
      padding: [TOP, SIDE, 0, SIDE],
      cursor: { show: false },
      scales: { x: { time: false, range: () => [0, 1] }, y: { range: () => [0, FULL] } },
      axes: [
        { ...axis, grid: { show: false }, border: { show: true, stroke: colour("--soft"), width: 1 }, size: FOOT, splits: () => numbers.map(({ position }) => position), values: () => numbers.map(({ label }) => label) },
        { show: false },
      ],
      series: [{}, { fill: colour("--bars"), stroke: colour("--card"), width: 1, points: { show: false }, paths: uPlot.paths.bars?.({ size: [1, Infinity] }) }],
      hooks: { drawClear: [(chart) => shade(chart, colour("--beyond")(), threshold)], draw: [(chart) => fold(chart, colour("--soft")())] },
    },
    [[], []],
  );
  const lines = { threshold: createLine(), image: createLine() };
  chart.over.append(lines.image.element, lines.threshold.element);

  /**
   * @param {import("../../shared/types.js").ModelInfo | undefined} info
   * @param {import("../judgement.js").Criterion | null} rule
   * @param {ReturnType<typeof import("../../shared/state.js").verdict>} verdict
   */
  return (info, rule, verdict) => {
    if (!info || !rule) return;
    const scale = axisOf(rule);
    const all = bars(rule.scores, scale);
    numbers = ticks(scale);
    threshold = position(scale, rule.threshold);
    chart.setData([all.map(({ from, to }) => (from + to) / 2), all.map(({ count, share }) => (count > 0 ? share : null))]);
    lines.threshold.show(threshold, `threshold ${format.score(rule.threshold)}`, "threshold", threshold > 0.6 || (verdict !== null && verdict.score > rule.threshold && threshold > 0.3));
    const at = verdict ? position(scale, verdict.score) : null;
    lines.image.show(at, verdict ? `this image ${format.score(verdict.score)}` : "", `image ${verdict?.verdict}`, at !== null && at > 0.6);
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", summary(rule, verdict));
    find("#calibration", HTMLElement).textContent = calibration(info, rule);
  };
}

/** A vertical line with a label at its top. */
function createLine() {
  const label = make("span");
  const element = make("div", {}, label);
  return {
    element,
    /**
     * @param {number | null} at its position, null if there is no line
     * @param {string} text
     * @param {string} kind
     * @param {boolean} before whether the label stands before the line or after it
     */
    show(at, text, kind, before) {
      element.hidden = at === null;
      element.className = `line ${kind}${before ? " before" : ""}`;
      element.style.left = `${(at ?? 0) * 100}%`;
      label.textContent = text;
    },
  };
}

/**
 * Shades the scores above the threshold.
 * @param {uPlot} chart
 * @param {string} colour
 * @param {number} threshold its position
 */
function shade({ ctx, bbox }, colour, threshold) {
  ctx.fillStyle = colour;
  ctx.fillRect(bbox.left + threshold * bbox.width, bbox.top, (1 - threshold) * bbox.width, bbox.height);
}

/**
 * Marks where the axis changes to logarithmic.
 * @param {uPlot} chart
 * @param {string} colour
 */
function fold({ ctx, bbox }, colour) {
  const x = bbox.left + EDGE_POSITION * bbox.width;
  const px = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour;
  ctx.lineWidth = px;
  ctx.setLineDash([2 * px, 3 * px]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height + 5 * px);
  ctx.stroke();
  ctx.font = `${14 * px}px system-ui`;
  ctx.textAlign = "right";
  ctx.textBaseline = "alphabetic";
  ctx.fillText("log scale →", bbox.left + bbox.width - 6 * px, bbox.top + 14 * px);
  ctx.restore();
}

/**
 * @param {import("../../shared/types.js").ModelInfo} info
 * @param {import("../judgement.js").Criterion} rule
 */
function calibration({ falseAlarmRate }, { scores, ownThreshold }) {
  return `Bars: the scores of ${scores.length} normal images that the network did not train on; the number of false alarms is derived from them. The model’s own threshold, ${format.score(ownThreshold)}, flags at most ${format.percent(falseAlarmRate)} of such images.`;
}

/**
 * @param {import("../judgement.js").Criterion} rule
 * @param {ReturnType<typeof import("../../shared/state.js").verdict>} verdict
 */
function summary({ scores, threshold }, verdict) {
  const normal = `Histogram of ${scores.length} normal scores from ${format.score(scores[0] ?? NaN)} to ${format.score(scores.at(-1) ?? NaN)}; threshold ${format.score(threshold)}`;
  return verdict ? `${normal}; this image ${format.score(verdict.score)}.` : `${normal}.`;
}
