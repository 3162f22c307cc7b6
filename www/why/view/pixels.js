/** Draws black and white images on a canvas, as blocks that can move apart. */

import { SIDE } from "../idea/blocks.js";

/** The total distance between blocks that have moved apart, as a share of the canvas's width. */
const GAP = 0.16;

/**
 * @typedef {object} Look
 * @property {number} size of a block, in pixels
 * @property {number} apart 0: blocks touch; 1: blocks have moved apart
 * @property {number} [shown] the number of blocks that are drawn; all by default
 * @property {number} [picked] the block to highlight
 * @property {import("../idea/blocks.js").Image} [original] the expected image; pixels that differ from it are marked
 * @property {number} [cursor] the pixel to highlight
 */

/**
 * @param {HTMLCanvasElement} canvas square
 * @param {import("../idea/blocks.js").Image} image
 * @param {Look} look
 */
export function drawImage(canvas, image, { size, apart, shown = Infinity, picked = -1, original, cursor = -1 }) {
  const pen = new Pen(canvas);
  const { at, cell } = geometry(canvas.width, size, apart);
  const across = SIDE / size;
  for (let index = 0; index < SIDE * SIDE; index++) {
    const [column, row] = [index % SIDE, Math.floor(index / SIDE)];
    const block = Math.floor(row / size) * across + Math.floor(column / size);
    if (block >= shown) continue;
    pen.pixel(at(column), at(row), cell, image[index] === 1);
    if (original && original[index] !== image[index]) pen.wrong(at(column), at(row), cell);
  }
  for (let block = 0; block < Math.min(shown, across * across) && size > 1; block++) {
    const [column, row] = [(block % across) * size, Math.floor(block / across) * size];
    pen.frame(at(column), at(row), size * cell, block === picked);
  }
  if (picked >= 0) pen.frame(at((picked % across) * size), at(Math.floor(picked / across) * size), size * cell, true);
  if (cursor >= 0) pen.frame(at(cursor % SIDE), at(Math.floor(cursor / SIDE)), cell, true);
}

/**
 * @param {HTMLCanvasElement} canvas square
 * @param {readonly Uint8Array[]} known
 * @param {number} size
 * @param {readonly number[]} picked
 */
export function drawDictionary(canvas, known, size, picked) {
  const pen = new Pen(canvas);
  const across = Math.ceil(Math.sqrt(known.length));
  const place = canvas.width / across;
  const cell = (place * 0.8) / size;
  const margin = (canvas.height - Math.ceil(known.length / across) * place) / 2;
  known.forEach((block, index) => {
    const [left, top] = [((index % across) + 0.1) * place, margin + (Math.floor(index / across) + 0.1) * place];
    block.forEach((value, at) => pen.pixel(left + (at % size) * cell, top + Math.floor(at / size) * cell, cell, value === 1));
    pen.frame(left, top, size * cell, picked.includes(index));
  });
}

/**
 * The index of the pixel at a point; -1 between blocks.
 * @param {number} x 0 to 1
 * @param {number} y 0 to 1
 * @param {number} size
 * @param {number} apart
 */
export function pixelAt(x, y, size, apart) {
  const { at, cell } = geometry(1, size, apart);
  const find = (/** @type {number} */ place) => Array.from({ length: SIDE }, (_, index) => at(index)).findIndex((start) => place >= start && place < start + cell);
  const [column, row] = [find(x), find(y)];
  return column < 0 || row < 0 ? -1 : row * SIDE + column;
}

/**
 * @param {number} width
 * @param {number} size
 * @param {number} apart
 */
function geometry(width, size, apart) {
  const gaps = SIDE / size - 1;
  const gap = gaps > 0 && size > 1 ? (apart * GAP * width) / Math.max(gaps, 4) : 0;
  const cell = (width - gap * gaps) / SIDE;
  return { cell, at: (/** @type {number} */ index) => index * cell + Math.floor(index / size) * gap };
}

/** Draws with the page's colours. */
class Pen {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    const context = canvas.getContext("2d");
    if (!context) throw new Error("This browser draws nothing on a canvas.");
    this.context = context;
    const style = getComputedStyle(canvas);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    this.colours = { black: colour("--pixel-on"), white: colour("--pixel-off"), wrong: colour("--anomalous"), line: colour("--line"), accent: colour("--accent") };
    context.clearRect(0, 0, canvas.width, canvas.height);
  }

  /** @param {number} x @param {number} y @param {number} side @param {boolean} isBlack */
  pixel(x, y, side, isBlack) {
    this.context.fillStyle = isBlack ? this.colours.black : this.colours.white;
    this.context.fillRect(x, y, side + 0.5, side + 0.5);
  }

  /** A wrong pixel is marked by a line as well as by colour, for visitors who cannot see the colour. @param {number} x @param {number} y @param {number} side */
  wrong(x, y, side) {
    const { context } = this;
    context.fillStyle = this.colours.wrong;
    context.fillRect(x, y, side + 0.5, side + 0.5);
    context.strokeStyle = this.colours.white;
    context.lineWidth = side / 6;
    context.beginPath();
    context.moveTo(x + side * 0.2, y + side * 0.8);
    context.lineTo(x + side * 0.8, y + side * 0.2);
    context.stroke();
  }

  /** @param {number} x @param {number} y @param {number} side @param {boolean} strong */
  frame(x, y, side, strong) {
    this.context.strokeStyle = strong ? this.colours.accent : this.colours.line;
    this.context.lineWidth = strong ? 6 : 1.5;
    this.context.strokeRect(x, y, side, side);
  }
}
