import * as format from "../format.js";
import { recipe } from "../recipe.js";
import { find, make } from "./dom.js";

/**
 * @param {import("../protocol.js").Detection | undefined} detection
 * @param {import("../protocol.js").ModelInfo | undefined} info
 */
export function showRecipe(detection, info) {
  if (!detection || !info) return;
  const rows = recipe(detection, info).map(({ symbol, name, raw, scaled, weight, adds }) => {
    const head = make("th", { scope: "row" }, make("b", { textContent: symbol }), " ", make("span", { className: "fine", textContent: name }));
    const cell = make("td", { textContent: format.score(raw) });
    Object.assign(cell.dataset, { testid: `${name}-score`, value: String(raw) });
    return make("tr", {}, head, cell, number(format.score(scaled)), number(`× ${Number(weight.toPrecision(3))}`), number(format.score(adds)));
  });
  const total = make("tr", { className: "total" }, make("th", { scope: "row", colSpan: 4, textContent: "Anomaly score" }), number(format.score(detection.score)));
  find("#recipe", HTMLElement).replaceChildren(...rows, total);
}

/** @param {string} text */
function number(text) {
  return make("td", { textContent: text });
}
