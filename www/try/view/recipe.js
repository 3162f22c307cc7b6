import * as format from "../../shared/format.js";
import { whyFixed } from "../judgement.js";
import { recipe } from "../recipe.js";
import { find, make, setUsable } from "../../shared/view/dom.js";

/**
 * @param {import("../../shared/state.js").Result | null} result
 * @param {ReturnType<typeof import("../../shared/state.js").verdict>} verdict
 * @param {import("../judgement.js").Criterion | null} rule
 */
export function showRecipe(result, verdict, rule) {
  if (!result || !verdict || !rule) return;
  const rows = recipe(result.detection, result.loaded.info, rule.gamma).map(({ symbol, name, raw, scaled, weight, adds }) => {
    const head = make("th", { scope: "row" }, make("b", { textContent: symbol }), " ", make("span", { className: "fine", textContent: name }));
    const cell = make("td", { textContent: format.score(raw) });
    Object.assign(cell.dataset, { testid: `${name}-score`, value: String(raw) });
    return make("tr", {}, head, cell, number(format.score(scaled)), number(`× ${Number(weight.toPrecision(3))}`), number(format.score(adds)));
  });
  const total = make("tr", { className: "total" }, make("th", { scope: "row", colSpan: 4, textContent: "Anomaly score" }), number(format.score(verdict.score)));
  find("#recipe", HTMLElement).replaceChildren(...rows, total);
}

/**
 * @param {(gamma: number | null) => void} onGamma null: the model's own
 * @param {() => number | undefined} own
 */
export function moveGamma(onGamma, own) {
  const slider = find("#gamma", HTMLInputElement);
  // The model's own γ may lie between two steps of the slider, so a step that is near enough counts as the model's own γ.
  slider.addEventListener("input", () => onGamma(Math.abs(slider.valueAsNumber - (own() ?? NaN)) < Number(slider.step) / 2 ? null : slider.valueAsNumber));
  find("#gamma-reset", HTMLButtonElement).addEventListener("click", () => onGamma(null));
}

/**
 * @param {import("../../shared/types.js").ModelInfo | undefined} info
 * @param {import("../judgement.js").Criterion | null} rule
 */
export function showGamma(info, rule) {
  if (!info || !rule) return;
  const fixed = whyFixed(info);
  const [r, l] = info.alignment ? [rule.gamma, 1 - rule.gamma].map((weight) => String(Number(weight.toFixed(3)))) : ["1"];
  const formula = `A = ${r}·R${l === undefined ? "" : ` + ${l}·L`}`;
  const slider = find("#gamma", HTMLInputElement);
  slider.disabled = fixed !== "";
  slider.value = String(rule.gamma);
  slider.setAttribute("aria-valuetext", `${r}: ${formula}`);
  find("#gamma-out", HTMLOutputElement).value = formula;
  const reset = find("#gamma-reset", HTMLButtonElement);
  for (const control of [slider.closest("label"), reset.closest("div")]) if (control) control.hidden = !info.alignment; // there is nothing to weigh
  setUsable(reset, rule.gamma !== rule.ownGamma);
  reset.textContent = `The model’s own γ, ${Number(rule.ownGamma.toFixed(3))}`;
  find("#gamma-note", HTMLElement).textContent = fixed || "The histogram is drawn anew with it, and the threshold goes along so that it flags as many normal images as before.";
}

/** @param {string} text */
function number(text) {
  return make("td", { textContent: text });
}
