import assert from "node:assert/strict";
import test from "node:test";
import { apply } from "../../../www/try/break/apply.js";
import { TOOLS, begin, ends, extend, undo } from "../../../www/try/break/strokes.js";
import { compared, whereabouts } from "../../../www/try/break/words.js";

/** @typedef {import("../../../www/try/break/strokes.js").Tool} Tool */
/** @typedef {import("../../../www/try/break/strokes.js").Point} Point */

const ALL = /** @type {Tool[]} */ (Object.keys(TOOLS));
const MIDDLE = { x: 0.5, y: 0.5 };

/** @param {number} value of every channel @param {number} [width] @param {number} [height] */
function plain(value, width = 64, height = 64) {
  const data = new Uint8ClampedArray(4 * width * height).fill(value);
  for (let i = 3; i < data.length; i += 4) data[i] = 255;
  return { data, width, height };
}

/** @param {Tool} tool @param {...Point} points */
function stroke(tool, ...points) {
  const [first = MIDDLE, ...rest] = points;
  return rest.reduce(extend, begin([], tool, "contrast", first));
}

/** The brightness of a pixel. @param {{ data: Uint8ClampedArray, width: number }} picture @param {number} x @param {number} y */
function at({ data, width }, x, y) {
  return data[4 * (y * width + x)] ?? NaN;
}

/** @param {ReturnType<typeof plain>} base @param {ReturnType<typeof stroke>} strokes */
function painted(base, strokes) {
  return { ...base, data: apply(base, strokes) };
}

test("no stroke changes nothing, and the base stays as it is whatever is painted", () => {
  const base = plain(128);
  const before = base.data.slice();
  assert.deepEqual(apply(base, []), before);
  for (const tool of ALL) assert.notDeepEqual(apply(base, stroke(tool)), before, tool);
  assert.deepEqual(base.data, before);
});

test("undo takes back the last stroke exactly, in the order they came", () => {
  const base = plain(128);
  const one = stroke("hole");
  const two = extend(begin(one, "brush", "white", { x: 0.1, y: 0.1 }), { x: 0.9, y: 0.9 });
  assert.deepEqual(apply(base, undo(two)), apply(base, one));
  assert.deepEqual(undo(undo(two)), []);
  assert.deepEqual(undo([]), []);
});

test("every tool keeps alpha, and stays near where it was put", () => {
  const base = plain(128);
  for (const tool of ALL) {
    const { data } = painted(base, stroke(tool, { x: 0.25, y: 0.25 }));
    for (let i = 3; i < data.length; i += 4) assert.equal(data[i], 255);
    assert.equal(at({ data, width: 64 }, 60, 60), 128, tool);
  }
});

test("the brush leaves a trail, a scratch is straight between two ends, a stamp moves", () => {
  const [a, b, c] = [{ x: 0, y: 0 }, { x: 0.5, y: 0 }, { x: 0.5, y: 0.5 }];
  assert.deepEqual(stroke("brush", a, b, c)[0]?.points, [a, b, c]);
  assert.deepEqual(stroke("scratch", a, b, c)[0]?.points, [a, c]);
  for (const tool of /** @type {const} */ (["stain", "hole", "missing"])) assert.deepEqual(stroke(tool, a, b, c)[0]?.points, [c]);
});

test("a point that hardly differs from the last one changes nothing, and without a stroke nothing goes on", () => {
  const strokes = stroke("brush", MIDDLE);
  assert.equal(extend(strokes, { x: 0.501, y: 0.5 }), strokes);
  assert.deepEqual(extend([], MIDDLE), []);
});

test("a scratch that was only clicked has a length, and stays within the image", () => {
  for (const from of [{ x: 0, y: 0 }, { x: 1, y: 0 }, { x: 0, y: 1 }, { x: 1, y: 1 }, MIDDLE]) {
    const [start, end] = ends([from]);
    assert.deepEqual(start, from);
    assert.ok(Math.hypot(end.x - start.x, end.y - start.y) > 0.25);
    for (const place of [end.x, end.y]) assert.ok(place >= 0 && place <= 1);
  }
});

test("a scratch and a missing part are bright, on a bright image dark; a hole is dark; a stain darkens softly", () => {
  const scratch = stroke("scratch", { x: 0.2, y: 0.5 }, { x: 0.8, y: 0.5 });
  assert.ok(at(painted(plain(100), scratch), 32, 32) > 200);
  assert.ok(at(painted(plain(240), scratch), 32, 32) < 120);
  assert.ok(at(painted(plain(100), stroke("missing")), 32, 32) > 200);
  assert.ok(at(painted(plain(240), stroke("missing")), 32, 32) < 120);
  assert.ok(at(painted(plain(128), stroke("hole")), 32, 32) < 30);
  const stained = painted(plain(128), stroke("stain"));
  const row = [32, 35, 38, 42].map((x) => at(stained, x, 32));
  assert.deepEqual(row, row.slice().sort((a, b) => a - b), "darkest in the middle");
  assert.ok((row[0] ?? 0) > 20 && (row[3] ?? 0) <= 128);
});

test("the brush contrasts with the image, or has the colour that was chosen", () => {
  assert.ok(at(painted(plain(230), stroke("brush")), 32, 32) < 60);
  assert.ok(at(painted(plain(20), stroke("brush")), 32, 32) > 200);
  assert.ok(at(painted(plain(230), begin([], "brush", "white", MIDDLE)), 32, 32) > 240);
});

test("a trail has no gaps and is as strong where it crosses its own way as elsewhere", () => {
  const picture = painted(plain(230), stroke("brush", { x: 0.1, y: 0.5 }, { x: 0.9, y: 0.5 }, { x: 0.1, y: 0.5 }));
  const row = Array.from({ length: 50 }, (_, i) => at(picture, 7 + i, 32));
  assert.deepEqual(new Set(row).size, 1);
});

test("defects have the same share of an image of any size and shape", () => {
  const share = (/** @type {number} */ width, /** @type {number} */ height) => {
    const picture = painted(plain(200, width, height), stroke("hole"));
    let count = 0;
    for (let i = 0; i < picture.data.length; i += 4) if ((picture.data[i] ?? 0) < 100) count++;
    return count / (width * height);
  };
  assert.ok(Math.abs(share(64, 64) - share(256, 256)) < 0.002);
  assert.ok(Math.abs(share(64, 128) - share(64, 64) / 2) < 0.002);
});

test("a stroke that leaves the image is cut off at its border", () => {
  for (const tool of ALL) {
    for (const point of [{ x: 0, y: 0 }, { x: 1, y: 1 }, { x: -2, y: 3 }]) assert.equal(apply(plain(128, 33, 17), stroke(tool, point)).length, 4 * 33 * 17);
  }
});

test("what is said compares before and now", () => {
  assert.equal(compared({ score: 0.2, verdict: "normal" }, { score: 0.9, verdict: "anomalous" }), "Score 0.2000 → 0.9000: normal before, anomalous now.");
  assert.equal(compared({ score: 0.2, verdict: "normal" }, { score: 0.3, verdict: "normal" }), "Score 0.2000 → 0.3000: still normal.");
  assert.equal(whereabouts({ x: 0.25, y: 1 }), "25 % from the left, 100 % from the top.");
});
