import * as format from "../../shared/format.js";
import { find } from "../../shared/view/dom.js";

/** @param {string} text */
export function showSubject(text) {
  find("#subject", HTMLElement).textContent = text;
}

/**
 * @param {import("../../shared/state.js").Result | null} result
 * @param {ReturnType<typeof import("../../shared/state.js").verdict>} verdict
 * @param {import("../judgement.js").Criterion | null} rule
 * @param {string} knows the kind of images that the model was trained on, as text
 */
export function showVerdict(result, verdict, rule, knows) {
  put("threshold", rule?.threshold);
  if (!result || !verdict) return;
  const { verdict: word, score, threshold } = verdict;
  find("#verdict", HTMLElement).dataset.verdict = word;
  find("[data-testid=verdict]", HTMLElement).textContent = format.capital(word);
  find("#comparison", HTMLElement).textContent = comparison(word, format.sentence(format.compared(score, threshold)), result, knows);
  put("score", score);
  find("[data-testid=time]", HTMLElement).textContent = format.duration(result.detection.elapsedMs);
}

/**
 * @param {import("../../shared/types.js").Verdict} verdict
 * @param {string} compared the score with the threshold
 * @param {import("../../shared/state.js").Result} result
 * @param {string} knows
 */
function comparison(verdict, compared, { strokes, subject }, knows) {
  if (verdict === "unfamiliar") return `Unlike anything this model has learned (${knows}). Teach it your own.`;
  return `${compared} ${strokes.length > 0 ? "With what you painted." : agreement(subject.sample, verdict === "anomalous")}`;
}

/**
 * @param {import("../../shared/types.js").Sample | null} sample
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
