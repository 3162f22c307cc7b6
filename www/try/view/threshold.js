/** The slider below the histogram that moves the threshold, and the resulting number of false alarms. */

import { falseAlarms } from "../alarms.js";
import * as format from "../../shared/format.js";
import { axisOf, position, valueAt } from "../histogram.js";
import { find, setUsable } from "../../shared/view/dom.js";

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
  setUsable(find("#threshold-reset", HTMLButtonElement), threshold !== ownThreshold);
}
