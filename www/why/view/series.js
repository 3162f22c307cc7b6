/** The models of the series side by side: images to choose from, one model large, all of them as a filmstrip, and the curve. */

import { interpolateInferno } from "d3-scale-chromatic";
import { capital, percent } from "../../shared/format.js";
import { SIDE, describe, extremes, gap, key, lesson } from "../series/state.js";
import { logarithmic } from "../../shared/view/chart.js";
import { createCurve } from "./curve.js";
import { find, make, put } from "../../shared/view/dom.js";
import { paint } from "../../try/view/panes.js";

/**
 * @typedef {import("../series/state.js").State} State
 * @typedef {import("../series/state.js").Rebuilt} Rebuilt
 */

/** Full scale of the error maps: the same for all models, so that a colour means the same error. */
const FULL_SCALE = 0.35;
const PALETTE = Array.from({ length: 256 }, (_, step) => (interpolateInferno(step / 255).match(/[0-9a-f]{2}/gi) ?? []).map((part) => parseInt(part, 16)));

/** Logarithmic: whole floors as blocks make errors forty times larger than the others do. */
const AXES = {
  label: "block size, pixels",
  y: logarithmic({ low: 0.01, high: 1 }),
  values: (/** @type {number} */ value) => (/^1/.test(value.toExponential()) ? `${value} %` : ""),
  room: 64,
};

/** @param {(event: import("../series/state.js").Event) => void} send */
export function createSeries(send) {
  const slider = find("#series-rate", HTMLInputElement);
  const curve = createCurve(find("#series-curve", HTMLElement), AXES, (size) => send({ type: "rate", rate: SIDE / size }));
  /** @type {HTMLButtonElement[]} */
  let strip = [];
  /** @type {State | null} */
  let shown = null;
  slider.addEventListener("input", () => {
    const rate = shown?.rates[Number(slider.value)];
    if (rate) send({ type: "rate", rate });
  });

  /** @param {State} state */
  function build({ samples, rates }) {
    const groups = /** @type {const} */ (["defective", "normal"]).map((label) => {
      const thumbs = samples.filter((sample) => sample.label === label).map(thumb);
      const group = make("div", { className: "group" }, make("h3", { textContent: capital(label) }), make("div", { className: "thumbs" }, ...thumbs));
      group.setAttribute("role", "group");
      group.setAttribute("aria-label", `${capital(label)} floors`);
      return group;
    });
    find("#series-samples", HTMLElement).replaceChildren(...groups);
    strip = rates.map((rate) => {
      const pictures = ["reconstruction", "error map"].map((what) => {
        const canvas = make("canvas", { width: 64, height: 64 });
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", `${what}, blocks of ${SIDE / rate} pixels`);
        return canvas;
      });
      const button = make("button", { type: "button", onclick: () => send({ type: "rate", rate }) }, make("b", { textContent: `${SIDE / rate} px` }), ...pictures, make("span", { className: "fine", textContent: "…" }));
      Object.assign(button.dataset, { testid: "frame", rate: String(rate) });
      return button;
    });
    find("#series-strip", HTMLElement).replaceChildren(...strip);
    slider.max = String(Math.max(0, rates.length - 1));
  }

  /** @param {import("../series/state.js").Sample} sample */
  function thumb({ file, title, label }) {
    const image = make("img", { src: `floors/${file}`, alt: title, width: 64, height: 64, draggable: false });
    const button = make("button", { type: "button", title, onclick: () => send({ type: "pick", file }) }, image);
    Object.assign(button.dataset, { testid: "floor", file, label });
    return button;
  }

  return (/** @type {State} */ state) => {
    if (shown?.samples !== state.samples || shown.rates !== state.rates) build(state);
    if (shown?.picked !== state.picked) showInput(state);
    shown = state;
    slider.value = String(state.rates.indexOf(state.rate));
    slider.setAttribute("aria-valuetext", describe(state.rate));
    find("#series-rate-out", HTMLOutputElement).value = describe(state.rate);
    put("#series-lesson", lesson(state));
    for (const button of document.querySelectorAll("#series-samples button")) button.setAttribute("aria-pressed", String(button instanceof HTMLElement && button.dataset.file === state.picked));
    for (const [at, rate] of state.rates.entries()) showFrame(strip[at], state, rate);
    const large = state.rebuilt.get(key(state.rate, state.picked));
    drawRebuilt(large, find("#series-rebuilt", HTMLCanvasElement), find("#series-map", HTMLCanvasElement));
    find("#series-error", HTMLElement).textContent = large ? `${percent(large.error)} wrong` : " ";
    const wide = gap(state, state.rate);
    find("#series-gap", HTMLOutputElement).value = wide === null ? "…" : percent(wide);
    const { normal, defective } = extremes(state);
    curve(state.rates.map((rate) => SIDE / rate), SIDE / state.rate, [normal, defective]);
  };
}

/** @param {State} state */
function showInput({ samples, picked }) {
  const sample = samples.find(({ file }) => file === picked);
  const image = find("#series-input", HTMLImageElement);
  if (!sample) return;
  image.src = `floors/${sample.file}`;
  image.alt = sample.title;
  find("#series-title", HTMLElement).textContent = sample.title.toLowerCase();
}

/**
 * @param {HTMLButtonElement | undefined} button
 * @param {State} state
 * @param {number} rate
 */
function showFrame(button, state, rate) {
  if (!button) return;
  const rebuilt = state.rebuilt.get(key(rate, state.picked));
  const [picture, map] = button.querySelectorAll("canvas");
  if (picture && map) drawRebuilt(rebuilt, picture, map);
  const caption = button.querySelector("span");
  if (caption) caption.textContent = rebuilt ? `${percent(rebuilt.error)} wrong` : "…";
  const head = button.querySelector("b");
  if (head) head.textContent = `${SIDE / rate} px`;
  button.setAttribute("aria-pressed", String(rate === state.rate));
}

/**
 * @param {Rebuilt | undefined} rebuilt
 * @param {HTMLCanvasElement} picture
 * @param {HTMLCanvasElement} map
 */
function drawRebuilt(rebuilt, picture, map) {
  for (const canvas of [picture, map]) canvas.style.visibility = rebuilt ? "" : "hidden";
  if (!rebuilt) return;
  const { reconstruction, errorMap, width, height } = rebuilt;
  paint(picture, reconstruction, width, height);
  paint(map, colours(errorMap), width, height);
}

/** @param {Float32Array} errors */
function colours(errors) {
  const pixels = new Uint8ClampedArray(errors.length * 4).fill(255);
  errors.forEach((error, i) => pixels.set(PALETTE[Math.round(Math.min(1, error / FULL_SCALE) * 255)] ?? [], i * 4));
  return pixels;
}
