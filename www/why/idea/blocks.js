/**
 * Divide and assemble as in the paper's Fig. 1: images of black and white pixels, cut into square blocks; every block is replaced by the one of the
 * dictionary that is most like it. The network does the same with maps of features, and mixes blocks instead of choosing one.
 *
 * @typedef {Uint8Array} Image `SIDE` × `SIDE` pixels, row by row, 1 for black
 * @typedef {{ choices: number[], output: Image, wrong: number }} Rebuilt for every block its choice, an index of the dictionary; the assembled image; the share of wrong pixels
 */

/** Pixels along a side. */
export const SIDE = 32;

/** The sides of a block in pixels; each divides the side of an image evenly. */
export const SIZES = [1, 2, 4, 8, 16, 32];

/** An image with a smaller share of wrong pixels counts as rebuilt. */
export const TOLERANCE = 0.02;

/** How many blocks an image has. @param {number} size */
export function blockCount(size) {
  return (SIDE / size) ** 2;
}

/**
 * @param {Image} image
 * @param {number} size
 * @returns {Uint8Array[]} its blocks, row by row
 */
export function divide(image, size) {
  const across = SIDE / size;
  return Array.from({ length: across * across }, (_, block) => {
    const first = Math.floor(block / across) * size * SIDE + (block % across) * size;
    return Uint8Array.from({ length: size * size }, (_, at) => image[first + Math.floor(at / size) * SIDE + (at % size)] ?? 0);
  });
}

/**
 * @param {readonly Uint8Array[]} blocks
 * @param {number} size
 * @returns {Image} the assembled blocks
 */
export function assemble(blocks, size) {
  const across = SIDE / size;
  const image = new Uint8Array(SIDE * SIDE);
  blocks.forEach((block, index) => {
    const first = Math.floor(index / across) * size * SIDE + (index % across) * size;
    block.forEach((value, at) => (image[first + Math.floor(at / size) * SIDE + (at % size)] = value));
  });
  return image;
}

/**
 * The different blocks of an image, the first of each kind.
 * @param {Image} image
 * @param {number} size
 */
export function dictionary(image, size) {
  return [...new Map(divide(image, size).map((block) => [block.join(""), block])).values()];
}

/**
 * @param {Image} image
 * @param {readonly Uint8Array[]} known not empty
 * @param {number} size
 * @returns {Rebuilt}
 */
export function rebuild(image, known, size) {
  const choices = divide(image, size).map((block) => nearest(block, known));
  const output = assemble(choices.map((choice) => known[choice] ?? new Uint8Array()), size);
  return { choices, output, wrong: differing(image, output) / image.length };
}

/**
 * The index of the block that differs least; the first one if several do.
 * @param {Uint8Array} block
 * @param {readonly Uint8Array[]} known
 */
function nearest(block, known) {
  let best = 0;
  let least = Infinity;
  known.forEach((other, index) => {
    const difference = differing(block, other);
    if (difference < least) [best, least] = [index, difference];
  });
  return best;
}

/**
 * @param {Uint8Array} a
 * @param {Uint8Array} b
 */
function differing(a, b) {
  let count = 0;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) count++;
  return count;
}
