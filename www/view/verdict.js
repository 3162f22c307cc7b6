import * as format from "../format.js";
import { find } from "./dom.js";

/** @param {string} text */
export function showSubject(text) {
  find("#subject", HTMLElement).textContent = text;
}

/**
 * @param {import("../state.js").Result | null} result
 * @param {import("../state.js").Loaded | null} loaded
 */
export function showVerdict(result, loaded) {
  put("threshold", result?.detection.threshold ?? loaded?.info.threshold);
  if (!result) return;
  const { detection, subject, elapsed_ms } = result;
  find("#verdict", HTMLElement).dataset.verdict = detection.anomalous ? "anomalous" : "normal";
  find("[data-testid=verdict]", HTMLElement).textContent = detection.anomalous ? "Anomalous" : "Normal";
  find("#comparison", HTMLElement).textContent = `${format.sentence(format.compared(detection.score, detection.threshold))} ${agreement(subject.sample, detection.anomalous)}`;
  put("score", detection.score);
  find("[data-testid=time]", HTMLElement).textContent = format.duration(elapsed_ms);
}

/**
 * @param {import("../protocol.js").Sample | null} sample
 * @param {boolean} anomalous
 */
function agreement(sample, anomalous) {
  if (!sample) return "";
  if ((sample.label === "defective") === anomalous) return `The data set agrees: ${sample.label}.`;
  return anomalous ? "The data set calls it normal: a false alarm." : "The data set calls it defective: a miss.";
}

/**
 * @param {string} testid
 * @param {number | undefined} value
 */
function put(testid, value) {
  const element = find(`[data-testid=${testid}]`, HTMLElement);
  element.textContent = value === undefined ? "–" : format.score(value);
  if (value !== undefined) element.dataset.value = String(value);
}
