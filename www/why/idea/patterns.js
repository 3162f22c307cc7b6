/** The images at the start: A is normal, B is also normal but arranged differently, C is B with a defect. */

import { SIDE } from "./blocks.js";

/** @typedef {import("./blocks.js").Image} Image */
/** @typedef {"stripes" | "checks" | "bricks"} PatternName */
/** @typedef {{ a: Image, b: Image, c: Image }} Pattern */

/** The side of a tile in pixels. An image consists of two kinds of tiles. */
const TILE = 8;

/** @typedef {(x: number, y: number) => boolean} Texture whether a pixel is black */

/** @type {Record<PatternName, { title: string, kinds: [Texture, Texture] }>} */
const TEXTURES = {
  stripes: { title: "Stripes", kinds: [(_, y) => y % 4 < 2, (x) => x % 4 < 2] },
  checks: { title: "Checks and dots", kinds: [(x, y) => (x % 4 < 2) !== (y % 4 < 2), (x, y) => x % 4 > 1 && y % 4 > 1] },
  bricks: { title: "Bricks", kinds: [(x, y) => y % 4 === 0 || (x + (y % 8 < 4 ? 0 : 4)) % 8 === 0, (x, y) => x % 4 === 0 || (y + (x % 8 < 4 ? 0 : 4)) % 8 === 0] },
};

/** @type {readonly PatternName[]} */
export const PATTERNS = /** @type {PatternName[]} */ (Object.keys(TEXTURES));

/** For people. @param {PatternName} name */
export function title(name) {
  return TEXTURES[name].title;
}

/**
 * @param {PatternName} name
 * @returns {Pattern}
 */
export function pattern(name) {
  const [first, second] = TEXTURES[name].kinds;
  const laid = (/** @type {(column: number, row: number) => boolean} */ isSecond) => image((x, y) => (isSecond(Math.floor(x / TILE), Math.floor(y / TILE)) ? second : first)(x, y));
  const b = laid((column, row) => (column + row) % 2 === 1); // a chequerboard of the tiles
  return {
    a: laid((column, row) => column < 2 === row < 2), // four large fields
    b,
    c: b.map((value, at) => (isScratched(at % SIDE, Math.floor(at / SIDE)) ? 1 - value : value)),
  };
}

/** A scratch from corner to corner, and a spot. @param {number} x @param {number} y */
function isScratched(x, y) {
  return Math.abs(x - y - 1) < 2 && x > 3 && x < 29 ? true : (x - 24) ** 2 + (y - 7) ** 2 < 6;
}

/** @param {Texture} isBlack @returns {Image} */
function image(isBlack) {
  return Uint8Array.from({ length: SIDE * SIDE }, (_, at) => Number(isBlack(at % SIDE, Math.floor(at / SIDE))));
}

/** The image as text for the address: one bit per pixel, as base 64 with characters that an address allows. @param {Image} image */
export function encode(image) {
  const bytes = Uint8Array.from({ length: image.length / 8 }, (_, at) => image.subarray(8 * at, 8 * at + 8).reduce((byte, value) => 2 * byte + value, 0));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @param {string} text @returns {Image | null} null if the text is no image */
export function decode(text) {
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
    if (bytes.length !== (SIDE * SIDE) / 8) return null;
    return Uint8Array.from({ length: SIDE * SIDE }, (_, at) => ((bytes[at >> 3] ?? 0) >> (7 - (at % 8))) & 1);
  } catch {
    return null;
  }
}
