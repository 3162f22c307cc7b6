import { falseAlarms } from "../alarms.js";
import * as format from "../format.js";
import { EDGE_POSITION, axis, bars, position, ticks, valueAt } from "../histogram.js";
import { find } from "./dom.js";

const TOP = 46; // two rows of labels
const FLOOR = 150;
const HEIGHT = 178;

/**
 * The axis does not depend on where the visitor puts the threshold, or it would slip away under the slider.
 * @param {import("../judgement.js").Criterion} rule
 */
function axisOf({ scores, ownThreshold }) {
  return axis(scores, ownThreshold);
}

/**
 * @param {import("../protocol.js").ModelInfo | undefined} info
 * @param {import("../judgement.js").Criterion | null} rule
 * @param {ReturnType<typeof import("../state.js").verdict>} verdict
 */
export function showHistogram(info, rule, verdict) {
  if (!info || !rule) return;
  const { scores, threshold } = rule;
  const scale = axisOf(rule);
  const at = (/** @type {number} */ value) => position(scale, value);
  const chart = svg("svg", { width: "100%", height: HEIGHT, role: "img", "aria-label": summary(rule, verdict) });
  chart.append(
    svg("rect", { class: "beyond", x: pc(at(threshold)), y: TOP, width: pc(1 - at(threshold)), height: FLOOR - TOP }),
    ...bars(scores, scale).filter((bar) => bar.count > 0).map((bar) =>
      svg("rect", { class: "count", x: pc(bar.from), y: FLOOR - bar.share * (FLOOR - TOP - 8), width: pc(bar.to - bar.from), height: bar.share * (FLOOR - TOP - 8) })),
    svg("line", { class: "axis", x1: 0, x2: "100%", y1: FLOOR, y2: FLOOR }),
    svg("line", { class: "fold", x1: pc(EDGE_POSITION), x2: pc(EDGE_POSITION), y1: TOP, y2: FLOOR + 5 }),
    label("log scale →", 1, TOP + 14, "hint", "end", -6),
    ...ticks(scale).map((tick) => label(tick.label, tick.position, FLOOR + 18, "tick", tick.position < 0.02 ? "start" : tick.position > 0.97 ? "end" : "middle")),
    ...(verdict ? line(at(verdict.score), `this image ${format.score(verdict.score)}`, 15, verdict.anomalous ? "image anomalous" : "image normal", at(verdict.score) > 0.6) : []),
    ...line(at(threshold), `threshold ${format.score(threshold)}`, 36, "threshold", at(threshold) > 0.6 || (verdict?.anomalous === true && at(threshold) > 0.3)),
  );
  find("#histogram", HTMLElement).replaceChildren(chart);
  find("#calibration", HTMLElement).textContent = calibration(info, rule);
}

/**
 * @param {(threshold: number | null) => void} onThreshold null: the model's own
 * @param {() => import("../judgement.js").Criterion | null} rule
 */
export function moveThreshold(onThreshold, rule) {
  const slider = find("#threshold", HTMLInputElement);
  slider.addEventListener("input", () => {
    const current = rule();
    if (current) onThreshold(valueAt(axisOf(current), slider.valueAsNumber));
  });
  find("#threshold-reset", HTMLButtonElement).addEventListener("click", () => onThreshold(null));
}

/** @param {import("../judgement.js").Criterion | null} rule */
export function showThreshold(rule) {
  if (!rule) return;
  const { scores, threshold, ownThreshold } = rule;
  const alarms = falseAlarms(scores, threshold);
  const slider = find("#threshold", HTMLInputElement);
  slider.disabled = false;
  slider.value = String(position(axisOf(rule), threshold));
  slider.setAttribute("aria-valuetext", `${format.score(threshold)}: ${alarms}`);
  find("#alarms", HTMLElement).textContent = format.sentence(alarms);
  find("#threshold-reset", HTMLButtonElement).disabled = threshold === ownThreshold;
}

/**
 * @param {import("../protocol.js").ModelInfo} info
 * @param {import("../judgement.js").Criterion} rule
 */
function calibration({ false_alarm_rate }, { scores, ownThreshold }) {
  return `Bars: ${scores.length} scores of normal images that the network did not train on, mirrored ones included; the number of false alarms is an estimate from them. The model’s own threshold, ${format.score(ownThreshold)}, is set to flag about ${format.percent(false_alarm_rate)} of such images.`;
}

/**
 * @param {import("../judgement.js").Criterion} rule
 * @param {ReturnType<typeof import("../state.js").verdict>} verdict
 */
function summary({ scores, threshold }, verdict) {
  const normal = `Histogram of ${scores.length} normal scores from ${format.score(scores[0] ?? NaN)} to ${format.score(scores.at(-1) ?? NaN)}; threshold ${format.score(threshold)}`;
  return verdict ? `${normal}; this image ${format.score(verdict.score)}.` : `${normal}.`;
}

/**
 * An upright line with its label on top.
 * @param {number} x
 * @param {string} text
 * @param {number} y
 * @param {string} kind
 * @param {boolean} before whether the label stands before the line or after it
 */
function line(x, text, y, kind, before) {
  return [svg("line", { class: kind, x1: pc(x), x2: pc(x), y1: y - 11, y2: FLOOR }), label(text, x, y, kind, before ? "end" : "start", before ? -6 : 6)];
}

/**
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {string} kind
 * @param {"start" | "middle" | "end"} anchor
 */
function label(text, x, y, kind, anchor, dx = 0) {
  const element = svg("text", { class: kind, x: pc(x), y, dx, "text-anchor": anchor });
  element.textContent = text;
  return element;
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
function svg(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/** @param {number} share */
function pc(share) {
  return `${(share * 100).toFixed(3)}%`;
}
