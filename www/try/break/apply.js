/** Draws strokes onto pixels. The result depends only on the original picture and the strokes, so undoing a stroke restores exactly the earlier picture. */

import { ends } from "./strokes.js";

/**
 * @typedef {import("./strokes.js").Stroke} Stroke
 * @typedef {{ data: Uint8ClampedArray<ArrayBuffer>, width: number, height: number }} Picture RGBA, row by row
 * @typedef {{ x: number, y: number }} Place in pixels
 * @typedef {[number, number, number]} Colour
 */

/** Sizes as shares of the picture's shorter side. */
const BRUSH_RADIUS = 0.022;
const SCRATCH_RADIUS = 0.009;
const STAIN_RADIUS = 0.14;
const HOLE_RADIUS = 0.065;
const PATCH = { width: 0.26, height: 0.19 };

/** The share of each colour channel that remains at the darkest point of a stain, so that the stain looks brown. */
const STAIN_LEAVES = [0.36, 0.29, 0.2];
/** Above this brightness a white defect would not be visible, so a dark one is drawn. */
const BRIGHT = 205;
const HOLE = /** @type {Colour} */ ([14, 13, 12]);
const BLACK = /** @type {Colour} */ ([12, 12, 12]);
const DARK = /** @type {Colour} */ ([52, 52, 54]);
const WHITE = /** @type {Colour} */ ([246, 246, 246]);

/**
 * @param {Picture} base is not changed
 * @param {readonly Stroke[]} strokes oldest first
 * @returns {Picture["data"]}
 */
export function apply(base, strokes) {
  const picture = { ...base, data: new Uint8ClampedArray(base.data) };
  for (const stroke of strokes) PAINT[stroke.tool](picture, stroke, base);
  return picture.data;
}

/** @type {Record<import("./strokes.js").Tool, (picture: Picture, stroke: Stroke, base: Picture) => void>} */
const PAINT = {
  brush(picture, { points, pen }, base) {
    const radius = Math.max(1, BRUSH_RADIUS * side(picture)); // so that at least one pixel is visible
    const isBlack = pen === "contrast" ? brightness(average(base, { left: 0, top: 0, right: base.width, bottom: base.height })) > 127 : pen === "black";
    const path = points.map((point) => place(picture, point));
    const trail = new Float32Array(picture.width * picture.height); // the share of each pixel that the stroke covers
    path.forEach((to, i) => {
      const from = path[Math.max(0, i - 1)] ?? to;
      each(picture, bounds([from, to], radius + 1), (at, index) => (trail[index] = Math.max(trail[index] ?? 0, edge(radius - distance(at, from, to)))));
    });
    cover(picture, bounds(path, radius + 1), isBlack ? BLACK : WHITE, (_, index) => trail[index] ?? 0);
  },

  scratch(picture, { points }) {
    const radius = Math.max(0.75, SCRATCH_RADIUS * side(picture));
    const [start, end] = ends(points);
    const [from, to] = [place(picture, start), place(picture, end)];
    const box = bounds([from, to], radius + 1);
    cover(picture, box, brightness(average(picture, box)) > BRIGHT ? DARK : WHITE, (at) => edge(radius - distance(at, from, to)));
  },

  stain(picture, { points }) {
    const radius = STAIN_RADIUS * side(picture);
    const centre = place(picture, points[0]);
    each(picture, bounds([centre], radius), (at, index) => {
      const share = Math.min(1, Math.hypot(at.x - centre.x, at.y - centre.y) / radius);
      const depth = (1 - share * share) ** 1.5; // falls smoothly to zero at the rim
      STAIN_LEAVES.forEach((leaves, channel) => (picture.data[4 * index + channel] *= 1 - (1 - leaves) * depth));
    });
  },

  hole(picture, { points }) {
    const radius = HOLE_RADIUS * side(picture);
    const centre = place(picture, points[0]);
    cover(picture, bounds([centre], radius + 1), HOLE, (at) => edge(radius - Math.hypot(at.x - centre.x, at.y - centre.y)));
  },

  missing(picture, { points }) {
    const centre = place(picture, points[0]);
    const half = { x: (PATCH.width / 2) * side(picture), y: (PATCH.height / 2) * side(picture) };
    const within = (/** @type {Place} */ { x, y }) => Math.abs(x - centre.x) <= half.x && Math.abs(y - centre.y) <= half.y;
    const box = bounds([centre], Math.max(half.x, half.y));
    cover(picture, box, brightness(average(picture, box)) > BRIGHT ? DARK : WHITE, (at) => Number(within(at))); // the missing part has the colour of what lies below the object, dark or white
  },
};

/** @param {Picture} picture */
function side({ width, height }) {
  return Math.min(width, height);
}

/** @param {Picture} picture @param {import("./strokes.js").Point} point @returns {Place} */
function place({ width, height }, { x, y }) {
  return { x: x * width, y: y * height };
}

/** @typedef {{ left: number, top: number, right: number, bottom: number }} Box */

/** @param {readonly Place[]} places @param {number} margin @returns {Box} */
function bounds(places, margin) {
  const [xs, ys] = [places.map(({ x }) => x), places.map(({ y }) => y)];
  return { left: Math.min(...xs) - margin, top: Math.min(...ys) - margin, right: Math.max(...xs) + margin, bottom: Math.max(...ys) + margin };
}

/**
 * The share of a pixel that lies inside an edge.
 * @param {number} inside distance from its middle to the edge
 */
function edge(inside) {
  return Math.min(1, Math.max(0, inside + 0.5));
}

/** The distance of a point from a line segment. @param {Place} at @param {Place} from @param {Place} to */
function distance(at, from, to) {
  const [x, y] = [to.x - from.x, to.y - from.y];
  const square = x * x + y * y;
  const along = square > 0 ? Math.min(1, Math.max(0, ((at.x - from.x) * x + (at.y - from.y) * y) / square)) : 0;
  return Math.hypot(at.x - from.x - along * x, at.y - from.y - along * y);
}

/**
 * @param {Picture} picture
 * @param {Box} box
 * @param {(at: Place, index: number) => void} visit gets the middle of each pixel in the box
 */
function each({ width, height }, { left, top, right, bottom }, visit) {
  for (let y = Math.max(0, Math.floor(top)); y < Math.min(height, bottom); y++) {
    for (let x = Math.max(0, Math.floor(left)); x < Math.min(width, right); x++) visit({ x: x + 0.5, y: y + 0.5 }, y * width + x);
  }
}

/**
 * @param {Picture} picture is changed
 * @param {Box} box
 * @param {Colour} colour
 * @param {(at: Place, index: number) => number} covered the share of a pixel that is covered, 0 to 1
 */
function cover(picture, box, colour, covered) {
  each(picture, box, (at, index) => {
    const share = covered(at, index);
    colour.forEach((value, channel) => (picture.data[4 * index + channel] += share * (value - (picture.data[4 * index + channel] ?? 0))));
  });
}

/**
 * The mean colour of a part of a picture; white if the part has no pixel.
 * @param {Picture} picture
 * @param {Box} box
 * @returns {Colour}
 */
function average(picture, box) {
  /** @type {Colour} */
  const sum = [0, 0, 0];
  let count = 0;
  each(picture, box, (_, index) => {
    count++;
    for (let channel = 0; channel < 3; channel++) sum[channel] += picture.data[4 * index + channel] ?? 0;
  });
  return count > 0 ? [sum[0] / count, sum[1] / count, sum[2] / count] : WHITE;
}

/** @param {Colour} colour 0 to 255 */
function brightness([red, green, blue]) {
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}
