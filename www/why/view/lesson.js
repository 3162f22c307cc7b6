/** The view of Fig. 1: three images to paint on, the dictionary, the images assembled from it, and the curve. */

import { SIDE, SIZES, blockCount } from "../idea/blocks.js";
import { PATTERNS, title } from "../idea/patterns.js";
import { createCurve } from "./curve.js";
import { percent } from "../../shared/format.js";
import { enable, find, make, put, setUsable } from "../../shared/view/dom.js";
import { drawDictionary, drawImage, pixelAt } from "./pixels.js";

/** @typedef {import("../idea/state.js").State} State */
/** @typedef {import("../idea/state.js").Which} Which */
/** @typedef {(event: import("../idea/state.js").Event) => void} Send */
/** @typedef {ReturnType<typeof import("../idea/state.js").derive>} Derived */

/** @type {readonly Which[]} */
const ALL = ["a", "b", "c"];
/** @type {Record<string, [column: number, row: number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const UNDER_WAY = { verdict: "", text: "Each block of B and C is replaced by the one of the dictionary that is most like it." };

const AXES = {
  label: "block size, pixels",
  y: { range: (/** @type {unknown} */ _, /** @type {unknown} */ __, /** @type {number} */ most) => /** @type {[number, number]} */ ([0, Math.max(12, most * 1.1)]) },
  values: (/** @type {number} */ value) => `${value} %`,
  room: 44,
};

/** @param {Send} send */
export function createLesson(send) {
  const canvas = (/** @type {string} */ id) => find(`#idea-${id}`, HTMLCanvasElement);
  const slider = find("#idea-size", HTMLInputElement);
  const patterns = find("#idea-pattern", HTMLSelectElement);
  patterns.replaceChildren(...PATTERNS.map((name) => make("option", { value: name, textContent: title(name) })));
  slider.max = String(SIZES.length - 1);
  const showCurve = createCurve(find("#idea-curve", HTMLElement), AXES, (at) => send({ type: "size", size: SIZES[at] ?? 1 }));

  slider.addEventListener("input", () => send({ type: "size", size: SIZES[Number(slider.value)] ?? 1 }));
  patterns.addEventListener("change", () => {
    const name = PATTERNS.find((name) => name === patterns.value);
    if (name) send({ type: "pattern", pattern: name });
  });
  const button = (/** @type {string} */ id) => find(`#idea-${id}`, HTMLButtonElement);
  const [reset, play, step] = [button("reset"), button("play"), button("step")];
  reset.addEventListener("click", () => send({ type: "pattern", pattern: now.pattern }));
  play.addEventListener("click", () => send({ type: now.playing ? "pause" : "play" }));
  step.addEventListener("click", () => send({ type: "step" }));
  enable(slider, patterns, reset, play, step);
  /** @type {State} */
  let now;
  /** @type {{ derived: Derived, apart: number } | undefined} */
  let shown;
  for (const which of ALL) paintable(canvas(which), which, () => ({ state: now, apart: which === "a" ? 0 : (shown?.apart ?? 0) }), send);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => shown && draw(now, shown.derived, shown.apart));

  /**
   * @param {State} state
   * @param {Derived} derived
   * @param {number} apart how far the blocks are apart, 0 to 1
   */
  function draw(state, derived, apart) {
    const isNew = derived !== shown?.derived;
    now = state;
    shown = { derived, apart };
    const { size, images, done } = state;
    const all = blockCount(size);
    const isDone = done >= all;
    const picked = isDone ? -1 : done - 1;
    drawImage(canvas("a"), images.a, { size, apart: 0, cursor: cursor("a", state) });
    drawDictionary(canvas("known"), derived.known, size, [derived.b, derived.c].map(({ choices }) => choices[picked] ?? -1));
    for (const which of /** @type {const} */ (["b", "c"])) {
      drawImage(canvas(which), images[which], { size, apart, picked, cursor: cursor(which, state) });
      drawImage(canvas(`${which}-rebuilt`), derived[which].output, { size, apart, shown: done, picked, original: images[which] });
      const { wrong } = derived[which];
      const error = find(`#idea-${which}-error`, HTMLElement);
      error.textContent = isDone ? `${percent(wrong)} wrong` : `block ${done} of ${all}`;
      error.dataset["value"] = String(wrong);
    }
    setUsable(reset, derived.isPainted);
    slider.value = String(SIZES.indexOf(size));
    slider.setAttribute("aria-valuetext", sizeText(size));
    find("#idea-size-out", HTMLElement).textContent = sizeText(size);
    find("#idea-known-count", HTMLElement).textContent = derived.known.length === 1 ? "1 block" : `${derived.known.length} blocks`;
    play.textContent = state.playing ? "Pause" : isDone ? "Show how" : "Go on";
    for (const which of ALL) find(`#idea-${which}-is`, HTMLElement).textContent = derived.captions[which];
    put("#idea-gap", isDone ? percent(derived.gap) : "…");
    const lesson = find("#idea-lesson", HTMLElement);
    const { verdict, text } = isDone ? derived.lesson : UNDER_WAY;
    lesson.dataset["verdict"] = verdict;
    if (lesson.textContent !== text) lesson.textContent = text;
    patterns.value = state.pattern;
    if (isNew) showCurve(SIZES.map(String), SIZES.indexOf(size), [derived.curves.b, derived.curves.c]);
  }
  return draw;
}

/** @param {number} size */
function sizeText(size) {
  const count = blockCount(size);
  return `${size === 1 ? "single pixels" : `${size} × ${size} pixels`}, ${count === 1 ? "1 block" : `${count} blocks`}`;
}

/** The pixel of the keyboard cursor while the image has the keyboard focus, -1 otherwise. @param {Which} which @param {State} state */
function cursor(which, state) {
  return document.activeElement?.id === `idea-${which}` && document.activeElement.matches(":focus-visible") ? state.cursor[which] : -1;
}

/**
 * The pixel under the pointer is inverted when it is pressed, and the pixels that the pointer then passes get the same colour.
 * @param {HTMLCanvasElement} canvas
 * @param {Which} which
 * @param {() => { state: State, apart: number }} current
 * @param {Send} send
 */
function paintable(canvas, which, current, send) {
  let ink = 0;
  /** @param {PointerEvent} event */
  const under = ({ offsetX, offsetY }) => {
    const { state, apart } = current();
    return pixelAt(offsetX / canvas.clientWidth, offsetY / canvas.clientHeight, state.size, apart);
  };
  canvas.addEventListener("pointerdown", (event) => {
    const at = under(event);
    if (at < 0) return;
    canvas.setPointerCapture(event.pointerId);
    ink = 1 - (current().state.images[which][at] ?? 0);
    send({ type: "paint", which, at, value: ink });
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    const at = under(event);
    if (at >= 0) send({ type: "paint", which, at, value: ink });
  });
  canvas.addEventListener("keydown", (event) => {
    const { state } = current();
    const by = ARROWS[event.key];
    if (by) send({ type: "move", which, by });
    else if (event.key === " " || event.key === "Enter") send({ type: "paint", which, at: state.cursor[which], value: 1 - (state.images[which][state.cursor[which]] ?? 0) });
    else return;
    event.preventDefault();
    say(which, current().state);
  });
  for (const type of ["focus", "blur"]) canvas.addEventListener(type, () => send({ type: "move", which, by: [0, 0] }));
}

/** @param {Which} which @param {State} state */
function say(which, { cursor, images }) {
  const at = cursor[which];
  find("#idea-pixel", HTMLElement).textContent = `Row ${Math.floor(at / SIDE) + 1}, column ${(at % SIDE) + 1}: ${images[which][at] ? "black" : "white"}`;
}
