import * as format from "../../shared/format.js";
import { find, make } from "../../shared/view/dom.js";

/** Another model that may know the image. @typedef {{ name: string, choose: () => void }} Other */

/** @param {string} text */
export function showSubject(text) {
  find("#subject", HTMLElement).textContent = text;
}

/**
 * @param {import("../../shared/state.js").Result | null} result
 * @param {ReturnType<typeof import("../../shared/state.js").verdict>} verdict
 * @param {import("../judgement.js").Criterion | null} rule
 * @param {string} knows the kind of images that the model was trained on, as text
 * @param {readonly Other[]} others
 */
export function showVerdict(result, verdict, rule, knows, others) {
  put("threshold", rule?.threshold);
  if (!result || !verdict) return;
  const { verdict: word, score, threshold } = verdict;
  find("#verdict", HTMLElement).dataset.verdict = word;
  find("[data-testid=verdict]", HTMLElement).textContent = format.capital(word);
  const parts = word === "unfamiliar" ? adviceOn(knows, others) : [comparison(word, format.sentence(format.compared(score, threshold)), result)];
  find("#comparison", HTMLElement).replaceChildren(...parts);
  put("score", score);
  find("[data-testid=time]", HTMLElement).textContent = format.duration(result.detection.elapsedMs);
}

/**
 * What to do with an image of another kind.
 * @param {string} knows
 * @param {readonly Other[]} others
 */
function adviceOn(knows, others) {
  const links = others.map(({ name, choose }) => make("button", { type: "button", className: "link", textContent: name, onclick: choose }));
  const choice = links.flatMap((link, at) => [at === 0 ? " Or ask another model: " : at === links.length - 1 ? " or " : ", ", link]);
  return [`Unlike anything this model has learned (${knows}). `, make("a", { href: "#teach", textContent: "Teach it your own" }), ".", ...choice, ...(links.length > 0 ? ["."] : [])];
}

/**
 * @param {import("../../shared/types.js").Verdict} verdict
 * @param {string} compared the score with the threshold
 * @param {import("../../shared/state.js").Result} result
 */
function comparison(verdict, compared, { strokes, subject }) {
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
