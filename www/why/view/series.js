/** The view of Fig. 5: the choice of images, the current model's reconstruction, the reconstructions of all models side by side, and the curve. */

import { interpolateInferno } from "d3-scale-chromatic";
import { capital, percent } from "../../shared/format.js";
import { blockSize, describe, extremes, gap, key, kindOf, lesson, nameOf } from "../series/state.js";
import { logarithmic } from "../../shared/view/chart.js";
import { createCurve } from "./curve.js";
import { enable, find, make, put } from "../../shared/view/dom.js";
import { paint } from "../../try/view/panes.js";

/**
 * @typedef {import("../series/state.js").State} State
 * @typedef {import("../series/state.js").Rebuilt} Rebuilt
 */

/** The full scale of the error maps. All models have the same scale, so that a colour means the same error. */
const FULL_SCALE = 0.35;
const PALETTE = Array.from({ length: 256 }, (_, step) => (interpolateInferno(step / 255).match(/[0-9a-f]{2}/gi) ?? []).map((part) => parseInt(part, 16)));

/** The error axis is logarithmic, because a block of a whole floor causes an error forty times larger than the other sizes do. A block size is height × width. */
const AXES = {
  label: "block size, pixels",
  y: logarithmic({ low: 0.01, high: 1 }),
  values: (/** @type {number} */ value) => (/^1/.test(value.toExponential()) ? `${value} %` : ""),
  room: 64,
};

/** @param {(event: import("../series/state.js").Event) => void} send */
export function createSeries(send) {
  const slider = find("#series-rate", HTMLInputElement);
  const choice = find("#series-kind", HTMLSelectElement);
  const pickRate = (/** @type {number} */ at) => {
    const rate = shown && kindOf(shown).rates[at];
    if (rate) send({ type: "rate", rate });
  };
  const curve = createCurve(find("#series-curve", HTMLElement), AXES, pickRate);
  /** @type {HTMLButtonElement[]} */
  let strip = [];
  /** @type {State | null} */
  let shown = null;
  slider.addEventListener("input", () => pickRate(Number(slider.value)));
  choice.addEventListener("change", () => send({ type: "kind", kind: choice.value }));

  /** @param {import("../series/state.js").Kind} kind */
  function build(kind) {
    const { samples, rates } = kind;
    const groups = /** @type {const} */ (["defective", "normal"]).map((label) => {
      const thumbs = samples.filter((sample) => sample.label === label).map(thumb);
      const group = make("div", { className: "group" }, make("h3", { textContent: capital(label) }), make("div", { className: "thumbs" }, ...thumbs));
      group.setAttribute("role", "group");
      group.setAttribute("aria-label", `${capital(label)} ${kind.many}`);
      return group;
    });
    find("#series-samples", HTMLElement).replaceChildren(...groups);
    strip = rates.map((rate) => {
      const size = blockSize(kind, rate);
      const pictures = ["reconstruction", "error map"].map((what) => {
        const canvas = make("canvas", { width: kind.width, height: kind.height });
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", `${what}, blocks of ${size} pixels`);
        return canvas;
      });
      const button = make("button", { type: "button", onclick: () => send({ type: "rate", rate }) }, make("b", { textContent: size }), ...pictures, make("span", { className: "fine", textContent: "…" }));
      Object.assign(button.dataset, { testid: "frame", rate: String(rate) });
      return button;
    });
    find("#series-strip", HTMLElement).replaceChildren(...strip);
    find("#networks", HTMLElement).style.setProperty("--shape", `${kind.width} / ${kind.height}`);
    find("#series-learned", HTMLElement).textContent = kind.learned;
    find("#series-note", HTMLElement).textContent = kind.note;
    slider.max = String(Math.max(0, rates.length - 1));
  }

  /** @param {import("../series/state.js").Sample} sample */
  function thumb(sample) {
    const { file: src, title, label } = sample;
    const file = nameOf(sample);
    const image = make("img", { src, alt: title, width: 64, height: 64, draggable: false });
    const button = make("button", { type: "button", title, onclick: () => send({ type: "pick", file }) }, image);
    Object.assign(button.dataset, { testid: "series-sample", file, label });
    return button;
  }

  return (/** @type {State} */ state) => {
    put("#series-lesson", lesson(state));
    if (state.kinds.length === 0) return; // the page itself shows the first kind until then, so that nothing moves
    enable(slider, choice);
    const kind = kindOf(state);
    const { rates } = kind;
    if (shown?.kinds !== state.kinds) choice.replaceChildren(...state.kinds.map(({ name, title }) => make("option", { value: name, textContent: title })));
    choice.value = kind.name;
    if (!shown || kindOf(shown) !== kind) build(kind);
    if (shown?.picked !== state.picked || kindOf(shown) !== kind) showInput(state);
    shown = state;
    const at = rates.indexOf(state.rate);
    slider.value = String(at);
    slider.setAttribute("aria-valuetext", describe(kind, state.rate));
    find("#series-rate-out", HTMLOutputElement).value = describe(kind, state.rate);
    for (const button of document.querySelectorAll("#series-samples button")) button.setAttribute("aria-pressed", String(button instanceof HTMLElement && button.dataset.file === state.picked));
    for (const [at, rate] of rates.entries()) showFrame(strip[at], state, rate);
    const large = state.rebuilt.get(key(state.rate, state.picked));
    drawRebuilt(large, find("#series-rebuilt", HTMLCanvasElement), find("#series-map", HTMLCanvasElement));
    find("#series-error", HTMLElement).textContent = large ? `${percent(large.error)} wrong` : " ";
    const wide = gap(state);
    put("#series-gap", wide === null ? "…" : percent(wide));
    const { normal, defective } = extremes(state);
    const picked = rates.map((rate) => state.rebuilt.get(key(rate, state.picked))?.error ?? null);
    curve(rates.map((rate) => blockSize(kind, rate)), at, [normal, defective, picked]);
  };
}

/** @param {State} state */
function showInput(state) {
  const sample = kindOf(state).samples.find((sample) => nameOf(sample) === state.picked);
  const image = find("#series-input", HTMLImageElement);
  if (!sample) return;
  image.src = sample.file;
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
