import assert from "node:assert/strict";
import test from "node:test";
import { recipe } from "../../../www/try/recipe.js";
import { blend } from "../../../www/try/view/panes.js";

/** @param {object} fields @returns {any} */
const partial = (fields) => fields;

test("the parts of the score add up to Eq. 7", () => {
  const info = partial({ reconstruction: { min: 1, max: 3 }, alignment: { min: 0, max: 10 } });
  const parts = recipe(partial({ reconstructionScore: 2, alignmentScore: 5 }), info, 0.9);
  assert.deepEqual(parts.map((part) => part.symbol), ["R", "L"]);
  assert.ok(Math.abs(parts.reduce((sum, part) => sum + part.adds, 0) - 0.5) < 1e-12);
});

test("without a discriminator the reconstruction is all there is", () => {
  const parts = recipe(partial({ reconstructionScore: 2, alignmentScore: null }), partial({ reconstruction: { min: 1, max: 3 }, alignment: null }), 0.9);
  assert.deepEqual(parts.map(({ symbol, weight, adds }) => [symbol, weight, adds]), [["R", 1, 0.5]]);
});

test("the overlay goes from the image to the error map, its dark parts last", () => {
  const image = Uint8ClampedArray.of(0, 100, 200, 255, 0, 100, 200, 255);
  const map = Uint8ClampedArray.of(255, 100, 0, 255, 0, 0, 0, 255);
  assert.deepEqual(blend(image, map, 0), image);
  assert.deepEqual(blend(image, map, 1), map);
  assert.deepEqual([...blend(image, map, 0.5)], [128, 100, 100, 255, 0, 88, 175, 255]);
});
