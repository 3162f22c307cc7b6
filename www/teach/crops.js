/**
 * Where to cut squares out of a picture: in a grid from edge to edge. If there are many squares, they overlap.
 * @param {number} width
 * @param {number} height
 * @param {number} side_px of a square
 * @param {number} count the maximum number of squares
 * @returns {{ x: number, y: number }[]} top left corners
 */
export function crops(width, height, side_px, count) {
  const [spare_x, spare_y] = [width - side_px, height - side_px];
  if (side_px < 1 || spare_x < 0 || spare_y < 0 || count < 1) return [];
  // The grid has the same density in both directions, and no two squares are the same.
  const wanted = Math.round(Math.sqrt((count * (spare_x + 1)) / (spare_y + 1)));
  const columns = clamp(wanted, 1, Math.min(count, spare_x + 1));
  const rows = clamp(Math.floor(count / columns), 1, spare_y + 1);
  return spread(spare_y, rows).flatMap((y) => spread(spare_x, columns).map((x) => ({ x, y })));
}

/** @param {number} end @param {number} count @returns {number[]} whole numbers from 0 to `end`; the middle if `count` is 1 */
function spread(end, count) {
  return Array.from({ length: count }, (_, at) => Math.round(count === 1 ? end / 2 : (end * at) / (count - 1)));
}

/** @param {number} value @param {number} least @param {number} most */
function clamp(value, least, most) {
  return Math.min(most, Math.max(least, value));
}
