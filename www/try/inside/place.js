/**
 * The place of a block in the division: its row and column, from 0.
 *
 * @typedef {{ row: number, column: number }} Place
 * @typedef {{ height: number, width: number }} Division blocks down and across
 */

/** @type {Record<string, (place: Place, last: Place) => Place>} */
const KEYS = {
  ArrowLeft: ({ row, column }) => ({ row, column: column - 1 }),
  ArrowRight: ({ row, column }) => ({ row, column: column + 1 }),
  ArrowUp: ({ row, column }) => ({ row: row - 1, column }),
  ArrowDown: ({ row, column }) => ({ row: row + 1, column }),
  Home: ({ row }) => ({ row, column: 0 }),
  End: ({ row }, last) => ({ row, column: last.column }),
};

/**
 * The block under a point of the image.
 * @param {number} x 0 to 1
 * @param {number} y 0 to 1
 * @param {Division} division
 * @returns {Place}
 */
export function placeAt(x, y, division) {
  return kept({ row: Math.floor(y * division.height), column: Math.floor(x * division.width) }, division);
}

/**
 * The block that a key moves to; null for keys that move nowhere.
 * @param {string} key
 * @param {Place} place
 * @param {Division} division
 */
export function moved(key, place, division) {
  const move = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
  return move ? kept(move(place, { row: division.height - 1, column: division.width - 1 }), division) : null;
}

/**
 * @param {Place} place
 * @param {Division} division
 */
export function isWithin({ row, column }, { height, width }) {
  return row < height && column < width;
}

/**
 * The block where the mean error is the largest.
 * @param {Pick<import("../../shared/types.js").Detection, "errorMap" | "width" | "height">} detection
 * @param {Division} division
 * @returns {Place}
 */
export function worst({ errorMap, width, height }, division) {
  const sums = new Float64Array(division.height * division.width);
  errorMap.forEach((error, at) => {
    const row = Math.floor((Math.floor(at / width) * division.height) / height);
    const column = Math.floor(((at % width) * division.width) / width);
    sums[row * division.width + column] += error;
  });
  const most = sums.indexOf(Math.max(...sums));
  return { row: Math.floor(most / division.width), column: most % division.width };
}

/** The place as text for the address, counted from 1. @param {Place} place */
export function encode({ row, column }) {
  return `${row + 1},${column + 1}`;
}

/** @param {string | null} text @returns {Place | null} null if the text is no place */
export function decode(text) {
  const [, row, column] = /^([1-9]\d{0,3}),([1-9]\d{0,3})$/.exec(text ?? "") ?? [];
  return row && column ? { row: Number(row) - 1, column: Number(column) - 1 } : null;
}

/**
 * @param {Place} place
 * @param {Division} division
 * @returns {Place}
 */
function kept({ row, column }, { height, width }) {
  return { row: Math.min(height - 1, Math.max(0, row)), column: Math.min(width - 1, Math.max(0, column)) };
}
