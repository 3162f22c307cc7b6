import * as format from "../format.js";
import { EDGE_POSITION, axis, bars, position, ticks } from "../histogram.js";
import { find } from "./dom.js";

const TOP = 46; // two rows of labels
const FLOOR = 150;
const HEIGHT = 178;

/**
 * @param {import("../protocol.js").ModelInfo | undefined} info
 * @param {import("../protocol.js").Detection | undefined} detection
 */
export function showHistogram(info, detection) {
  if (!info) return;
  const scale = axis(info.scores, info.threshold);
  const at = (/** @type {number} */ value) => position(scale, value);
  const chart = svg("svg", { width: "100%", height: HEIGHT, role: "img", "aria-label": summary(info, detection) });
  chart.append(
    svg("rect", { class: "beyond", x: pc(at(info.threshold)), y: TOP, width: pc(1 - at(info.threshold)), height: FLOOR - TOP }),
    ...bars(info.scores, scale).filter((bar) => bar.count > 0).map((bar) =>
      svg("rect", { class: "count", x: pc(bar.from), y: FLOOR - bar.share * (FLOOR - TOP - 8), width: pc(bar.to - bar.from), height: bar.share * (FLOOR - TOP - 8) })),
    svg("line", { class: "axis", x1: 0, x2: "100%", y1: FLOOR, y2: FLOOR }),
    svg("line", { class: "fold", x1: pc(EDGE_POSITION), x2: pc(EDGE_POSITION), y1: TOP, y2: FLOOR + 5 }),
    label("log scale →", 1, TOP + 14, "hint", "end", -6),
    ...ticks(scale).map((tick) => label(tick.label, tick.position, FLOOR + 18, "tick", tick.position < 0.02 ? "start" : tick.position > 0.97 ? "end" : "middle")),
    ...(detection ? line(at(detection.score), `this image ${format.score(detection.score)}`, 15, detection.anomalous ? "image anomalous" : "image normal", at(detection.score) > 0.6) : []),
    ...line(at(info.threshold), `threshold ${format.score(info.threshold)}`, 36, "threshold", detection?.anomalous === true),
  );
  find("#histogram", HTMLElement).replaceChildren(chart);
  find("#calibration", HTMLElement).textContent = calibration(info);
}

/** @param {import("../protocol.js").ModelInfo} info */
function calibration({ scores, false_alarm_rate }) {
  return `Bars: ${scores.length} scores of normal images that the network did not train on, mirrored ones included. The threshold is set to flag about ${format.percent(false_alarm_rate)} of such images.`;
}

/**
 * @param {import("../protocol.js").ModelInfo} info
 * @param {import("../protocol.js").Detection | undefined} detection
 */
function summary({ scores, threshold }, detection) {
  const normal = `Histogram of ${scores.length} normal scores from ${format.score(scores[0])} to ${format.score(scores[scores.length - 1])}; threshold ${format.score(threshold)}`;
  return detection ? `${normal}; this image ${format.score(detection.score)}.` : `${normal}.`;
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
