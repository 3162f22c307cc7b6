import assert from "node:assert/strict";
import test from "node:test";
import { axis, bars, position, ticks } from "../../../www/try/histogram.js";

const SCORES = [0.1, 0.2, 0.25, 0.5, 0.52, 0.9];

test("every score is counted once", () => {
  const counted = bars(SCORES, axis(SCORES, 0.8)).reduce((sum, bar) => sum + bar.count, 0);
  assert.equal(counted, SCORES.length);
});

test("bars lie side by side and the highest is full", () => {
  const all = bars(SCORES, axis(SCORES, 0.8));
  for (let i = 1; i < all.length; i++) assert.equal(all[i]?.from, all[i - 1]?.to);
  assert.equal(Math.max(...all.map((bar) => bar.share)), 1);
});

test("few scores make few bars and many make at most thirty", () => {
  assert.equal(bars(SCORES, axis(SCORES, 1)).length, 8);
  const many = Array.from({ length: 5000 }, (_, i) => i / 5000);
  assert.equal(bars(many, axis(many, 1)).length, 30);
});

test("positions rise with the score, through the fold and up to the end", () => {
  const scale = axis(SCORES, 0.8);
  const places = [-5, 0, 0.4, 0.9, 1.5, 10, 100, 1e9].map((value) => position(scale, value));
  assert.equal(places[0], 0);
  assert.equal(places.at(-1), 1);
  for (let i = 2; i < places.length; i++) assert.ok((places[i] ?? 0) > (places[i - 1] ?? 0), `place ${i}`);
});

test("negative normal scores stay on the axis", () => {
  const scale = axis([-0.3, 0.1, 0.9], 1);
  assert.ok(position(scale, -0.3) > 0);
});

test("ticks are round, distinct and in order", () => {
  const labels = ticks(axis(SCORES, 0.8)).map((tick) => tick.label);
  assert.deepEqual(labels, ["0", "0.5", "1", "10", "100"]);
});

test("no scores, equal scores and a zero threshold still make an axis", () => {
  for (const [scores, threshold] of /** @type {[number[], number][]} */ ([[[], 1], [[0, 0], 0], [[2, 2], 2], [[1e-6], 1e-6]])) {
    const scale = axis(scores, threshold);
    assert.ok(scale.edge > scale.low);
    for (const tick of ticks(scale)) assert.ok(tick.position >= 0 && tick.position <= 1, JSON.stringify(tick));
  }
});
