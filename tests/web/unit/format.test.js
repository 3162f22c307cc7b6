import assert from "node:assert/strict";
import test from "node:test";
import * as format from "../../../www/shared/format.js";

test("scores keep the decimals that matter, tiny ones their size", () => {
  assert.equal(format.score(0.93124), "0.9312");
  assert.equal(format.score(63.2), "63.20");
  assert.equal(format.score(1032.87), "1033");
  assert.equal(format.score(0.00012), "1.20e-4");
  assert.equal(format.score(0), "0.0000");
  assert.equal(format.score(NaN), "–");
});

test("parameters are counted with separators, then in millions, without Intl, which is slow at its first use", (t) => {
  t.mock.method(Number.prototype, "toLocaleString", () => assert.fail("Intl is loaded"));
  assert.equal(format.millions(999), "999");
  assert.equal(format.millions(661_407), "661,407");
  assert.equal(format.millions(1_250_000), "1.3 million");
  assert.equal(format.significant(0, 2), "0.0");
  assert.equal(format.significant(1234, 2), "1200");
});

test("durations turn to seconds when long", () => {
  assert.equal(format.duration(412.4), "412 ms");
  assert.equal(format.duration(61_234), "61.2 s");
});

test("bytes are told in megabytes", () => {
  assert.equal(format.megabytes(24_100_000), "24 MB");
  assert.equal(format.megabytes(350_000), "0.3 MB");
});

test("a score is compared with the threshold in words", () => {
  assert.equal(format.compared(4.5, 0.9), "5 times the threshold");
  assert.equal(format.compared(0.45, 0.9), "50\u00a0% of the threshold");
  assert.equal(format.compared(900, 0.9), "more than 100 times the threshold");
  assert.equal(format.compared(0.9, 0.9), "at the threshold");
  assert.equal(format.compared(-0.1, 0.9), "below the threshold");
  assert.equal(format.compared(0.1, -0.1), "above the threshold");
});

test("an engine's message becomes a sentence on one line", () => {
  assert.equal(format.sentence(new Error("cannot use this image: the file\n is empty")), "Cannot use this image: the file is empty.");
  assert.equal(format.sentence("Done!"), "Done!");
  assert.equal(format.sentence(""), "Something went wrong.");
});

test("an image that the engine refuses is named", () => {
  assert.equal(format.refusal("letter$&.txt", new Error("cannot use this image: the file is empty")), "Cannot use letter$&.txt: the file is empty.");
  assert.equal(format.refusal("a.png", new Error("device: lost")), "a.png: Device: lost.");
});

test("numbers of a formula keep as many digits as they are given, small ones too", () => {
  assert.equal(format.significant(0.0027609, 3), "0.00276");
  assert.equal(format.significant(0.002, 3), "0.00200");
  assert.equal(format.significant(1506.8722, 5), "1506.9");
  assert.equal(format.significant(-0.44, 3), "−0.440");
});

test("long names lose their middle, short ones nothing", () => {
  assert.equal(format.shorten("image.png"), "image.png");
  assert.equal(format.shorten("0123456789.png", 9), "0123….png");
  assert.equal(format.shorten("😀".repeat(50)), `${"😀".repeat(20)}…${"😀".repeat(19)}`);
});

test("files that are made from an image are named after it", () => {
  assert.equal(format.stem("PA_01.png"), "PA_01");
  assert.equal(format.stem("a/b: c?.tar.jpeg"), "a-b-c-.tar");
  assert.equal(format.stem("..\\evil…name.webp"), "evil-name");
  assert.equal(format.stem(".png"), "image");
});

test("backends are named so that both can be told", () => {
  assert.match(format.backend("webgpu", 1), /WebGPU/);
  assert.match(format.backend("wasm", 1), /wasm SIMD\)/);
  assert.match(format.backend("wasm", 4), /wasm.*4 threads/);
});
