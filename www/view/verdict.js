import * as format from "../format.js";
import { find } from "./dom.js";

/** @param {string} text */
export function showSubject(text) {
  find("#subject", HTMLElement).textContent = text;
}

/**
 * @param {import("../state.js").Result | null} result
 * @param {ReturnType<typeof import("../state.js").verdict>} verdict
 * @param {import("../judgement.js").Criterion | null} rule
 */
export function showVerdict(result, verdict, rule) {
  put("threshold", rule?.threshold);
  if (!result || !verdict) return;
  const { anomalous, score, threshold } = verdict;
  find("#verdict", HTMLElement).dataset.verdict = anomalous ? "anomalous" : "normal";
  find("[data-testid=verdict]", HTMLElement).textContent = anomalous ? "Anomalous" : "Normal";
  find("#comparison", HTMLElement).textContent = `${format.sentence(format.compared(score, threshold))} ${result.strokes.length > 0 ? "With what you painted." : agreement(result.subject.sample, anomalous)}`;
  put("score", score);
  find("[data-testid=time]", HTMLElement).textContent = format.duration(result.detection.elapsedMs);
}

/**
 * @param {import("../types.js").Sample | null} sample
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
