/**
 * The strokes that a visitor paints on an image. Points are shares of the image's width and height, so strokes fit an image of any size.
 *
 * @typedef {"brush" | "scratch" | "stain" | "hole" | "missing"} Tool
 * @typedef {"contrast" | "black" | "white"} Pen the brush's colour; `contrast` is black on bright images and white on dark ones
 * @typedef {{ x: number, y: number }} Point x and y are 0 to 1 inside the image
 * @typedef {{ tool: Tool, pen: Pen, points: readonly [Point, ...Point[]] }} Stroke
 */

/** @type {Record<Tool, { title: string, how: string }>} */
export const TOOLS = {
  brush: { title: "Brush", how: "Draw on the input." },
  scratch: { title: "Scratch", how: "Drag a line on the input; a click puts a short one." },
  stain: { title: "Stain", how: "Press on the input, and drag the stain about." },
  hole: { title: "Hole", how: "Press on the input, and drag the hole about." },
  missing: { title: "Missing part", how: "Press on the input, and drag the patch about." },
};

/** The length and direction of a scratch that is only clicked, not drawn. */
const SHORT_SCRATCH = { x: 0.36, y: -0.24 };

/** A point that is nearer to the stroke's last point than this is ignored. */
const LEAST_STEP = 0.004;

/**
 * @param {readonly Stroke[]} strokes
 * @param {Tool} tool
 * @param {Pen} pen
 * @param {Point} point
 * @returns {readonly Stroke[]}
 */
export function begin(strokes, tool, pen, point) {
  return [...strokes, { tool, pen, points: [point] }];
}

/**
 * Extends the last stroke to a point: the brush adds the point, a scratch moves its second end, and a stamp moves.
 * @param {readonly Stroke[]} strokes
 * @param {Point} point
 * @returns {readonly Stroke[]} the same array if nothing changes
 */
export function extend(strokes, point) {
  const stroke = strokes[strokes.length - 1];
  if (!stroke) return strokes;
  const [first] = stroke.points;
  const last = stroke.points[stroke.points.length - 1] ?? first;
  if (Math.hypot(point.x - last.x, point.y - last.y) < LEAST_STEP) return strokes;
  /** @type {Record<Tool, Stroke["points"]>} */
  const points = { brush: [...stroke.points, point], scratch: [first, point], stain: [point], hole: [point], missing: [point] };
  return [...strokes.slice(0, -1), { ...stroke, points: points[stroke.tool] }];
}

/** @param {readonly Stroke[]} strokes @returns {readonly Stroke[]} */
export function undo(strokes) {
  return strokes.length > 0 ? strokes.slice(0, -1) : strokes;
}

/**
 * Both ends of a scratch. A scratch that was only clicked has a fixed length, and its direction is reversed if it would leave the image.
 * @param {Stroke["points"]} points
 * @returns {[Point, Point]}
 */
export function ends([from, to]) {
  if (to) return [from, to];
  const { x, y } = SHORT_SCRATCH;
  return [from, { x: from.x + (from.x + x > 1 ? -x : x), y: from.y + (from.y + y < 0 ? -y : y) }];
}
