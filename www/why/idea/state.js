/**
 * The state of the demonstration of Fig. 1, and how each event changes it. The functions are pure, so they are tested without a browser.
 *
 * @typedef {import("./blocks.js").Image} Image
 * @typedef {import("./patterns.js").PatternName} PatternName
 * @typedef {"a" | "b" | "c"} Which
 *
 * @typedef {object} State
 * @property {PatternName} pattern the images before the visitor painted on them
 * @property {Record<Which, Image>} images
 * @property {number} size of a block, in pixels
 * @property {number} done how many blocks are assembled so far
 * @property {boolean} playing
 * @property {Record<Which, number>} cursor the pixel that the keyboard paints
 *
 * @typedef {{ type: "pattern", pattern: PatternName }
 *   | { type: "size", size: number }
 *   | { type: "paint", which: Which, at: number, value: number }
 *   | { type: "move", which: Which, by: [column: number, row: number] }
 *   | { type: "play" } | { type: "pause" } | { type: "step" } | { type: "finish" }
 *   | { type: "advance", blocks: number }} Event
 */

import { SIDE, SIZES, TOLERANCE, blockCount, dictionary, rebuild } from "./blocks.js";
import { gap } from "../gap.js";
import { PATTERNS, decode, encode, pattern } from "./patterns.js";

/** If the error of the image with the defect is below this share of its largest error, the defect counts as partly rebuilt. */
const PART = 0.6;

/** A middling size, at which the errors of the two images differ. */
const FIRST_SIZE = 8;

/** @param {URLSearchParams} [address] @returns {State} */
export function initial(address = new URLSearchParams()) {
  const name = PATTERNS.find((name) => name === address.get("pattern")) ?? "stripes";
  const size = SIZES.find((size) => size === Number(address.get("block"))) ?? FIRST_SIZE;
  const { a, b, c } = pattern(name);
  const painted = (/** @type {Which} */ which, /** @type {Image} */ image) => decode(address.get(which) ?? "") ?? image;
  const images = { a: painted("a", a), b: painted("b", b), c: painted("c", c) };
  return { pattern: name, images, size, done: blockCount(size), playing: false, cursor: { a: 0, b: 0, c: 0 } };
}

/**
 * The part of the state that the address stores; null for initial values.
 * @param {State} state
 * @returns {Record<"pattern" | "block" | Which, string | null>}
 */
export function address(state) {
  const fresh = pattern(state.pattern);
  const painted = (/** @type {Which} */ which) => (same(state.images[which], fresh[which]) ? null : encode(state.images[which]));
  return { pattern: state.pattern === "stripes" ? null : state.pattern, block: state.size === FIRST_SIZE ? null : String(state.size), a: painted("a"), b: painted("b"), c: painted("c") };
}

/**
 * @param {State} state
 * @param {Event} event
 * @returns {State}
 */
export function reduce(state, event) {
  const all = blockCount(state.size);
  switch (event.type) {
    case "pattern": {
      const { a, b, c } = pattern(event.pattern);
      return { ...state, pattern: event.pattern, images: { a, b, c }, done: all, playing: false };
    }
    case "size":
      return event.size === state.size ? state : { ...state, size: event.size, done: blockCount(event.size), playing: false };
    case "paint": {
      if (state.images[event.which][event.at] === event.value) return state;
      const image = state.images[event.which].slice();
      image[event.at] = event.value;
      return { ...state, images: { ...state.images, [event.which]: image }, done: all, playing: false };
    }
    case "move": {
      const at = state.cursor[event.which];
      const [column, row] = [(at % SIDE) + event.by[0], Math.floor(at / SIDE) + event.by[1]].map((place) => Math.min(SIDE - 1, Math.max(0, place)));
      return { ...state, cursor: { ...state.cursor, [event.which]: (row ?? 0) * SIDE + (column ?? 0) } };
    }
    case "play":
      return { ...state, playing: true, done: state.done >= all ? 0 : state.done };
    case "pause":
      return { ...state, playing: false };
    case "step":
      return { ...state, playing: false, done: state.done >= all ? 1 : state.done + 1 };
    case "finish":
      return { ...state, playing: false, done: all };
    case "advance": {
      const done = Math.min(all, state.done + event.blocks);
      return { ...state, done, playing: state.playing && done < all };
    }
  }
}

/**
 * Computes everything that depends on the images and the block size.
 * @param {State} state
 */
export function derive({ images: { a, b, c }, size, pattern: name }) {
  const all = SIZES.map((size) => {
    const known = dictionary(a, size);
    return { size, known, b: rebuild(b, known, size), c: rebuild(c, known, size) };
  });
  const now = all.find((one) => one.size === size);
  if (!now) throw new Error(`no block has a side of ${size} pixels`);
  const fresh = pattern(name);
  return {
    ...now,
    curves: { b: all.map(({ b }) => b.wrong), c: all.map(({ c }) => c.wrong) },
    gap: gap(now.b.wrong, now.c.wrong),
    lesson: lesson(now.b.wrong, now.c.wrong, Math.max(...all.filter(({ b }) => b.wrong < TOLERANCE).map(({ c }) => c.wrong))),
    captions: captions({ a, b, c }, fresh),
    isPainted: !(same(a, fresh.a) && same(b, fresh.b) && same(c, fresh.c)),
  };
}

/**
 * @param {number} b share of wrong pixels of the normal image
 * @param {number} c of the one with a defect
 * @param {number} most the largest c of all block sizes at which the normal image is rebuilt
 */
export function lesson(b, c, most = c) {
  const rebuilt = [b, c].map((wrong) => wrong < TOLERANCE);
  if (rebuilt[0] && rebuilt[1]) return { verdict: "both", text: "Both come back whole, the defect too. Nothing is told apart." };
  if (rebuilt[0] && c < PART * most) return { verdict: "normal", text: "The normal image comes back, and a part of the defect with it: the gap is small." };
  if (rebuilt[0]) return { verdict: "normal", text: "The normal image comes back, the defect does not. This block size tells them apart." };
  if (rebuilt[1]) return { verdict: "defect", text: "The image with the defect comes back and the normal one does not: A does not show what is normal here." };
  return { verdict: "neither", text: "Neither comes back: A has no block like these, so the normal image looks defective too." };
}

/**
 * The caption of each image; it changes when the visitor paints on the image.
 * @param {Record<Which, Image>} images
 * @param {Record<Which, Image>} fresh the images before the visitor painted on them
 * @returns {Record<Which, string>}
 */
function captions({ a, b, c }, fresh) {
  return {
    a: same(a, fresh.a) ? "normal" : "normal, painted",
    b: same(b, fresh.b) ? "normal, rearranged" : "normal, painted",
    c: same(c, b) ? "same as B" : same(c, fresh.c) ? "scratched" : "your defect",
  };
}

/**
 * @param {Image} a
 * @param {Image} b
 */
function same(a, b) {
  return a.every((value, at) => value === b[at]);
}
