import assert from "node:assert/strict";
import test from "node:test";
import { SIDE, SIZES, assemble, blockCount, dictionary, divide, rebuild } from "../../../www/why/idea/blocks.js";
import { PATTERNS, decode, encode } from "../../../www/why/idea/patterns.js";
import { address, derive, initial, lesson, reduce } from "../../../www/why/idea/state.js";
import { pixelAt } from "../../../www/why/view/pixels.js";

/** An image without repetition. */
const NOISE = Uint8Array.from({ length: SIDE * SIDE }, (_, at) => ((at * 2654435761) >>> 13) & 1);

test("divide then assemble is the identity at every size", () => {
  for (const size of SIZES) {
    const blocks = divide(NOISE, size);
    assert.equal(blocks.length, blockCount(size));
    assert.deepEqual(assemble(blocks, size), NOISE);
  }
});

test("a block holds neighbouring pixels, row by row", () => {
  const image = new Uint8Array(SIDE * SIDE);
  image[2] = 1; // first row, third column: the second block of two by two
  image[SIDE + 3] = 1;
  assert.deepEqual([...(divide(image, 2)[1] ?? [])], [1, 0, 0, 1]);
});

test("a dictionary has every block once, and rebuilds its own image", () => {
  for (const size of SIZES) {
    const known = dictionary(NOISE, size);
    assert.equal(new Set(known.map(String)).size, known.length);
    assert.equal(rebuild(NOISE, known, size).wrong, 0);
  }
});

test("a block that is unknown becomes the one that differs least", () => {
  const known = [new Uint8Array(4), Uint8Array.of(1, 1, 1, 0)];
  const image = new Uint8Array(SIDE * SIDE);
  image[0] = image[1] = 1;
  const { choices, wrong } = rebuild(image, known, 2);
  assert.equal(choices[0], 1);
  assert.ok(choices.slice(1).every((choice) => choice === 0));
  assert.equal(wrong, 1 / (SIDE * SIDE));
});

test("every pattern teaches it: small blocks rebuild both, medium ones the normal image alone, large ones neither", () => {
  for (const name of PATTERNS) {
    const { b: normal, c: defect } = derive(reduce(initial(), { type: "pattern", pattern: name })).curves;
    const verdicts = SIZES.map((_, at) => lesson(normal[at] ?? NaN, defect[at] ?? NaN).verdict);
    assert.deepEqual(verdicts, ["both", "normal", "normal", "normal", "neither", "neither"], name);
  }
});

test("an image survives its address, and what is none is refused", () => {
  assert.deepEqual(decode(encode(NOISE)), NOISE);
  assert.match(encode(NOISE), /^[\w-]+$/);
  for (const text of ["", "abc", "ä", encode(NOISE).slice(4)]) assert.equal(decode(text), null);
});

test("the address holds what was changed and nothing else", () => {
  const none = { pattern: null, block: null, a: null, b: null, c: null };
  assert.deepEqual(address(initial()), none);
  let state = reduce(initial(), { type: "pattern", pattern: "bricks" });
  state = reduce(state, { type: "size", size: 4 });
  state = reduce(state, { type: "paint", which: "b", at: 5, value: 1 - (state.images.b[5] ?? 0) });
  const held = address(state);
  assert.deepEqual([held.pattern, held.block, held.a, held.c], ["bricks", "4", null, null]);
  const query = new URLSearchParams(Object.entries(held).flatMap(([name, value]) => (value ? [[name, value]] : [])));
  assert.deepEqual(initial(query).images, state.images);
  assert.equal(initial(new URLSearchParams("block=5&pattern=odd&a=x")).size, 8);
});

test("blocks come one after the other, and the end is the end", () => {
  let state = reduce(initial(), { type: "play" });
  assert.deepEqual([state.playing, state.done], [true, 0]);
  state = reduce(state, { type: "advance", blocks: 15 });
  assert.deepEqual([state.playing, state.done], [true, 15]);
  state = reduce(state, { type: "advance", blocks: 15 });
  assert.deepEqual([state.playing, state.done], [false, 16]);
  assert.equal(reduce(state, { type: "step" }).done, 1);
  assert.equal(reduce(reduce(state, { type: "step" }), { type: "finish" }).done, 16);
});

test("painting a defect into the normal image is noticed at once", () => {
  let state = initial();
  assert.equal(derive(state).lesson.verdict, "normal");
  for (let at = 0; at < 128; at++) state = reduce(state, { type: "paint", which: "b", at, value: at % 2 });
  assert.equal(derive(state).lesson.verdict, "neither");
  assert.deepEqual(reduce(state, { type: "pattern", pattern: "stripes" }).images, initial().images);
});

test("the keyboard's pixel stays within the image", () => {
  let state = reduce(initial(), { type: "move", which: "a", by: [-1, -1] });
  assert.equal(state.cursor.a, 0);
  for (let step = 0; step < 40; step++) state = reduce(state, { type: "move", which: "a", by: [1, 1] });
  assert.equal(state.cursor.a, SIDE * SIDE - 1);
});

test("the pointer finds its pixel, be the blocks together or apart, and none between them", () => {
  assert.equal(pixelAt(0.01, 0.01, 8, 0), 0);
  assert.equal(pixelAt(0.999, 0.999, 8, 0), SIDE * SIDE - 1);
  assert.equal(pixelAt(0.999, 0.999, 8, 1), SIDE * SIDE - 1);
  const middle = pixelAt(0.5, 0.5, 8, 1);
  assert.equal(middle, -1);
});

test("captions say what painting made of the images", () => {
  const state = initial();
  assert.deepEqual(derive(state).captions, { a: "normal", b: "normal, rearranged", c: "scratched" });
  const painted = reduce(reduce(state, { type: "paint", which: "a", at: 0, value: 1 - (state.images.a[0] ?? 0) }), { type: "paint", which: "c", at: 0, value: 1 - (state.images.c[0] ?? 0) });
  assert.deepEqual(derive(painted).captions, { a: "normal, painted", b: "normal, rearranged", c: "your defect" });
  const mended = { ...state, images: { ...state.images, c: state.images.b } };
  assert.equal(derive(mended).captions.c, "same as B");
});

test("a small gap is called small", () => {
  const texts = SIZES.map((size) => derive(reduce(initial(), { type: "size", size })).lesson.text);
  assert.match(texts[1] ?? "", /a part of the defect/);
  assert.match(texts[3] ?? "", /tells them apart/);
});
