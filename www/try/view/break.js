/** The tools that paint defects into the input: a canvas over the input's pane that takes pointer and keys, and the buttons above it. */

import { TOOLS } from "../break/strokes.js";
import { compared, whereabouts } from "../break/words.js";
import { find, setUsable } from "../../shared/view/dom.js";

/**
 * @typedef {import("../break/strokes.js").Tool} Tool
 * @typedef {import("../break/strokes.js").Pen} Pen
 * @typedef {import("../break/strokes.js").Point} Point
 * @typedef {import("../break/apply.js").Picture} Picture
 */

/**
 * @typedef {object} Doings the visitor's actions
 * @property {(tool: Tool, pen: Pen, point: Point) => void} onBegin begins a stroke
 * @property {(point: Point) => void} onExtend extends the last stroke
 * @property {() => void} onChoose a tool was chosen
 * @property {() => void} onUndo
 * @property {() => void} onClear
 */

/** @type {Record<string, [x: number, y: number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
/** The number of key presses that move the cursor from edge to edge. */
const PRESSES = 32;

/** A score is announced to screen readers after it has not changed for this time. */
const REST_MS = 600;

const CHOOSE_TOOL = "Choose a tool and damage the input: the score follows.";
const CHOOSE_IMAGE = "Choose an image first.";

/** @param {Doings} doings */
export function createBreak({ onBegin, onExtend, onChoose, onUndo, onClear }) {
  const canvas = find("#break-canvas", HTMLCanvasElement);
  const ring = find("#break-cursor", HTMLElement);
  const pen = find("#break-pen", HTMLSelectElement);
  const undo = find("#break-undo", HTMLButtonElement);
  const clear = find("#break-clear", HTMLButtonElement);
  const score = find("#break-score", HTMLElement);
  const said = find("#break-said", HTMLElement);
  const buttons = [...document.querySelectorAll("#break [data-tool]")].filter((element) => element instanceof HTMLButtonElement);
  /** @type {Tool | null} */
  let tool = null;
  let cursor = { x: 0.5, y: 0.5 };
  let isPaintable = true;
  let timer = 0;

  for (const button of buttons) {
    button.disabled = false;
    button.addEventListener("click", () => choose(tool === button.dataset["tool"] ? null : /** @type {Tool} */ (button.dataset["tool"])));
  }
  undo.addEventListener("click", onUndo);
  clear.addEventListener("click", onClear);
  takePointer();
  takeKeys();
  choose(null);
  showCursor();
  // Opening the tools chooses the brush.
  const summary = find("#break-heading", HTMLElement);
  summary.addEventListener("click", () => choose(summary.closest("details")?.open ? null : "brush"));

  /** @param {Tool | null} chosen */
  function choose(chosen) {
    tool = chosen;
    canvas.classList.toggle("armed", tool !== null);
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset["tool"] === tool));
    find("#break-pen-label", HTMLElement).classList.toggle("unused", tool !== "brush");
    pen.disabled = tool !== "brush";
    showHow();
    if (tool) onChoose();
  }

  function showHow() {
    find("#break-how", HTMLElement).textContent = isPaintable ? (tool ? TOOLS[tool].how : CHOOSE_TOOL) : CHOOSE_IMAGE;
  }

  function showCursor() {
    const { left, top, width, height } = place(canvas);
    ring.style.left = `${100 * (left + cursor.x * width)}%`;
    ring.style.top = `${100 * (top + cursor.y * height)}%`;
  }

  /** @param {Point} point */
  function begin(point) {
    if (tool) onBegin(tool, /** @type {Pen} */ (pen.value), point);
  }

  function takePointer() {
    canvas.addEventListener("pointerdown", (event) => {
      if (!event.isPrimary || event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      begin(under(canvas, event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) onExtend(under(canvas, event));
    });
  }

  function takeKeys() {
    canvas.addEventListener("keydown", (event) => {
      const by = ARROWS[event.key];
      if (by) move(by);
      else if (event.key !== " " && event.key !== "Enter") return;
      else if (!tool) say(CHOOSE_TOOL);
      else if (!event.repeat) begin(cursor);
      event.preventDefault();
    });
    find("#panes", HTMLElement).addEventListener("keydown", (event) => {
      if (event.key === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey) onUndo();
      else if (event.key === "Escape" && tool) choose(null);
      else return;
      event.preventDefault();
    });
  }

  /** @param {[x: number, y: number]} by */
  function move([x, y]) {
    const step = (/** @type {number} */ from, /** @type {number} */ presses) => Math.min(1, Math.max(0, from + presses / PRESSES));
    cursor = { x: step(cursor.x, x), y: step(cursor.y, y) };
    showCursor();
    say(whereabouts(cursor));
  }

  /** @param {string} text */
  function say(text) {
    clearTimeout(timer);
    said.textContent = text;
  }

  /** @param {string} text */
  function sayAtRest(text) {
    clearTimeout(timer);
    timer = window.setTimeout(say, REST_MS, text);
  }

  return {
    /**
     * @param {Picture} picture
     * @param {boolean} isPainted if not, the canvas stays empty, because the pane below shows the same picture
     */
    showPicture({ data, width, height }, isPainted) {
      if (canvas.width !== width) canvas.width = width;
      if (canvas.height !== height) canvas.height = height;
      const context = canvas.getContext("2d");
      if (isPainted) context?.putImageData(new ImageData(data, width, height), 0, 0);
      else context?.clearRect(0, 0, width, height);
      for (const button of [undo, clear]) setUsable(button, isPainted);
      showCursor();
    },

    /**
     * @param {import("../break/words.js").Judged} before
     * @param {import("../break/words.js").Judged | null} now null if nothing is painted
     */
    showScore(before, now) {
      const text = now ? compared(before, now) : "";
      if (text === score.textContent) return;
      score.textContent = text;
      score.dataset["verdict"] = now?.verdict ?? "";
      sayAtRest(text || "The image is as it was.");
    },

    /** @param {boolean} isBehind whether the score does not include the latest strokes yet */
    showBehind(isBehind) {
      find("#break", HTMLElement).setAttribute("aria-busy", String(isBehind));
    },

    /** @param {boolean} paintable */
    showPaintable(paintable) {
      isPaintable = paintable;
      showHow();
    },
  };
}

/** The part of a square pane that a picture fills, in shares of the pane. @param {HTMLCanvasElement} canvas */
function place({ width, height }) {
  const longest = Math.max(width, height);
  const [w, h] = [width / longest, height / longest];
  return { left: (1 - w) / 2, top: (1 - h) / 2, width: w, height: h };
}

/** @param {HTMLCanvasElement} canvas @param {PointerEvent} event @returns {Point} */
function under(canvas, { clientX, clientY }) {
  const pane = canvas.getBoundingClientRect();
  const { left, top, width, height } = place(canvas);
  return { x: ((clientX - pane.left) / pane.width - left) / width, y: ((clientY - pane.top) / pane.height - top) / height };
}
