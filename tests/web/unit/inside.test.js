import assert from "node:assert/strict";
import test from "node:test";
import { Inquiry } from "../../../www/try/inside/inquiry.js";
import { ranked, terms } from "../../../www/try/inside/numbers.js";
import { decode, encode, moved, placeAt, worst } from "../../../www/try/inside/place.js";
import { address, current, initial, outlined, reduce } from "../../../www/try/inside/state.js";

const DIVISION = { height: 2, width: 4, channel: 1 };

/** The result for an image of 8 × 4 pixels with an error in one block, in the second row and third column. */
const RESULT = /** @type {any} */ ({
  loaded: { info: { division: DIVISION } },
  detection: { width: 8, height: 4, errorMap: Float32Array.from({ length: 32 }, (_, at) => (at === 21 ? 1 : 0.01)) },
});

/** @param {number} row @param {number} column */
const at = (row, column) => ({ row, column });

/** Waits until settled promises have been handled. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("a point of the image lies in a block, the edges too", () => {
  assert.deepEqual(placeAt(0, 0, DIVISION), at(0, 0));
  assert.deepEqual(placeAt(0.6, 0.5, DIVISION), at(1, 2));
  assert.deepEqual(placeAt(1, 1, DIVISION), at(1, 3));
  assert.deepEqual(placeAt(-0.1, 1.2, DIVISION), at(1, 0));
});

test("arrow keys go to the next block and stop at the edge; other keys lead nowhere", () => {
  assert.deepEqual(moved("ArrowRight", at(0, 0), DIVISION), at(0, 1));
  assert.deepEqual(moved("ArrowDown", at(1, 1), DIVISION), at(1, 1));
  assert.deepEqual(moved("End", at(1, 1), DIVISION), at(1, 3));
  for (const key of ["a", "Tab", "toString"]) assert.equal(moved(key, at(0, 0), DIVISION), null);
});

test("the block of the largest error is where the error is", () => {
  assert.deepEqual(worst(RESULT.detection, DIVISION), at(1, 2));
});

test("the address counts from one, and what is no place in it is none", () => {
  assert.deepEqual(decode(encode(at(0, 7))), at(0, 7));
  for (const text of [null, "", "3", "0,1", "1,-1", "1.5,2", "1,2,3", "99999,1"]) assert.equal(decode(text), null, String(text));
  const state = initial(new URLSearchParams("inside=2,4"));
  assert.deepEqual(address(state), { inside: "2,4" });
  assert.deepEqual(address(initial()), { inside: null });
});

test("without a choice, or with one that the model does not have, it is the block of the largest error", () => {
  assert.deepEqual(current(initial(), RESULT), at(1, 2));
  assert.deepEqual(current({ ...initial(), chosen: at(0, 3) }, RESULT), at(0, 3));
  assert.deepEqual(current({ ...initial(), chosen: at(5, 0) }, RESULT), at(1, 2));
  assert.equal(current(initial(), null), null);
  assert.equal(current(initial(), /** @type {any} */ ({ ...RESULT, loaded: { info: { division: null } } })), null);
});

test("a pointer is followed by the outline, and chooses once it rests; the choice stays when it leaves", () => {
  let state = reduce(initial(), { type: "point", place: at(0, 1) });
  assert.deepEqual(outlined(state, at(1, 2)), at(0, 1));
  assert.equal(state.chosen, null);
  state = reduce(state, { type: "rest" });
  assert.deepEqual(state.chosen, at(0, 1));
  state = reduce(reduce(state, { type: "point", place: null }), { type: "rest" });
  assert.deepEqual(state.chosen, at(0, 1));
});

test("a held block is not lost on the pointer's way to the card", () => {
  let state = reduce(initial(), { type: "tap", place: at(0, 1) });
  state = reduce(reduce(state, { type: "point", place: at(1, 1) }), { type: "rest" });
  assert.deepEqual([state.chosen, outlined(state, at(0, 1))], [at(0, 1), at(0, 1)]);
  state = reduce(state, { type: "tap", place: at(1, 1) });
  assert.deepEqual([state.chosen, state.held], [at(1, 1), true]);
  assert.equal(reduce(state, { type: "tap", place: at(1, 1) }).held, false);
  assert.deepEqual(address(reduce(state, { type: "release" })), { inside: null });
});

test("the terms of the formula follow from the similarities", () => {
  const similarities = Float32Array.of(0.5, -0.5, 0, 0.25);
  const powers = [0.5, -0.5, 0, 0.25].map(Math.exp);
  const sum = powers.reduce((a, b) => a + b);
  const block = /** @type {any} */ ({ count: 4, survivors: 2, weightSum: ((powers[0] ?? 0) + (powers[3] ?? 0)) / sum, similarities, temperature: 1, items: [{ index: 0, similarity: 0.5 }] });
  const { weight, cut, isRenormalized, power } = terms(block);
  assert.ok(Math.abs(weight - power / sum) < 1e-9);
  assert.deepEqual([cut, isRenormalized], [0.25, false]);
  assert.equal(terms({ ...block, weightSum: 1 }).isRenormalized, true);
  const sharp = terms({ ...block, temperature: 0.1 });
  assert.ok(Math.abs(sharp.power - Math.exp(5)) < 1e-9 && sharp.weight > 0.9);
});

test("weights as multiples of an equal share fall, and are one on average", () => {
  const weights = ranked({ similarities: Float32Array.of(-0.2, 0.4, 0.1), temperature: 1 });
  assert.ok(weights.every((weight, at) => at === 0 || weight <= (weights[at - 1] ?? 0)));
  assert.ok(Math.abs(weights.reduce((a, b) => a + b) - 3) < 1e-9);
  assert.deepEqual([...ranked({ similarities: new Float32Array(3), temperature: 1 })], [1, 1, 1]);
});

/** A placeholder for the result of an image. @returns {import("../../../www/shared/state.js").Result} */
function image() {
  return /** @type {any} */ ({});
}

/** An engine that answers when the test tells it to. */
function engine() {
  /** @type {{ scale: number, row: number, column: number, resolve: (block: any) => void, reject: (error: Error) => void }[]} */
  const asked = [];
  let shown = 0;
  const inquiry = new Inquiry((_image, place) => new Promise((resolve, reject) => asked.push({ ...place, resolve, reject })), () => shown++);
  return { asked, inquiry, shown: () => shown };
}

test("scales are asked for one by one, and once", async () => {
  const { asked, inquiry, shown } = engine();
  const wanted = { image: image(), place: at(0, 1), scales: 3 };
  inquiry.want(wanted);
  for (let scale = 0; scale < 3; scale++) {
    assert.deepEqual(asked.map(({ scale }) => scale), [0, 1, 2].slice(0, scale + 1));
    asked[scale]?.resolve({ scale });
    await settled();
  }
  assert.equal(shown(), 3);
  assert.deepEqual(inquiry.answers(wanted), [0, 1, 2].map((scale) => ({ block: { scale } })));
  inquiry.want({ ...wanted });
  await settled();
  assert.equal(asked.length, 3, "what is known is not asked for again");
  inquiry.want({ ...wanted, image: image() });
  assert.equal(asked.length, 4, "another image is");
});

test("the newest choice wins: what was chosen on the way is never asked for", async () => {
  const { asked, inquiry } = engine();
  const one = image();
  for (const column of [0, 1, 2]) inquiry.want({ image: one, place: at(0, column), scales: 2 });
  assert.deepEqual(asked.map(({ column }) => column), [0]);
  asked[0]?.resolve({});
  await settled();
  assert.deepEqual(asked.map(({ column }) => column), [0, 2]);
});

test("an image to judge comes first: nothing is asked for until it is wanted again", async () => {
  const { asked, inquiry } = engine();
  const wanted = { image: image(), place: at(0, 0), scales: 2 };
  inquiry.want(wanted);
  inquiry.want(null);
  asked[0]?.resolve({});
  await settled();
  assert.equal(asked.length, 1);
  inquiry.want(wanted);
  assert.deepEqual(asked.map(({ scale }) => scale), [0, 1], "the answer to the first was kept");
});

test("a scale without memory and a failure are one sentence each; a request that was given up is none", async () => {
  const { asked, inquiry } = engine();
  const wanted = { image: image(), place: at(0, 0), scales: 2 };
  inquiry.want(wanted);
  asked[0]?.resolve(null);
  await settled();
  asked[1]?.reject(new Error("no image was judged yet"));
  await settled();
  assert.deepEqual(inquiry.answers(wanted), [
    { message: "No memory is at this scale: the map goes through as it is." },
    { message: "No image was judged yet. To look into it, judge the image again." },
  ]);
  const other = { ...wanted, image: image() };
  inquiry.want(other);
  inquiry.want(null);
  asked[2]?.reject(new Error("The engine was restarted."));
  await settled();
  assert.deepEqual(inquiry.answers(other), []);
});
