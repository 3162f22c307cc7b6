import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { falseAlarmRate, falseAlarms, rank, valueAt } from "../../../www/try/alarms.js";
import { criterion, fuse, judge, whyFixed } from "../../../www/try/judgement.js";
import { axis, position, valueAt as valueOnAxis } from "../../../www/try/histogram.js";

/** A DAAD+ whose file describes its calibration. */
const MODEL = new URL("../../models/daad_plus.safetensors", import.meta.url);

const RAW = [[1, 10], [2, 40], [3, 20], [4, 50], [5, 30]].map(([reconstruction = 0, alignment = 0]) => ({ reconstruction, alignment }));
const RANGES = { reconstruction: { min: 1, max: 5 }, alignment: { min: 10, max: 50 } };

/** @param {object} [fields] @returns {import("../../../www/shared/types.js").ModelInfo} */
function model(fields = {}) {
  const scores = RAW.map((raw) => fuse(raw, RANGES, 0.9)).sort((a, b) => a - b);
  return /** @type {any} */ ({ ...RANGES, gamma: 0.9, normalScores: scores, normalRawScores: RAW.map((raw) => [raw]), threshold: valueAt(scores, 3.8), falseAlarmRate: 0.05, ...fields });
}

const OWN = { gamma: null, threshold: null };

test("ranks are linear between neighbours and go on beyond both ends", () => {
  const scores = [0, 1, 2, 4];
  assert.deepEqual([0, 0.5, 3, 4, 8, -2].map((value) => rank(scores, value)), [0, 0.5, 2.5, 3, 4, -0.5]);
  for (const value of [-7, -0.1, 0, 0.3, 1, 3.9, 4, 5, 1000]) assert.ok(Math.abs(valueAt(scores, rank(scores, value)) - value) < 1e-9, String(value));
  assert.equal(valueAt(scores, 1.5), 1.5); // the median, as in the library's own test
});

test("equal scores, and one alone, have ranks too", () => {
  assert.equal(rank([2, 2, 2], 2), 2);
  assert.equal(valueAt([2, 2, 2], 2), 2);
  assert.equal(rank([1, 2, 2, 3], 2), 2);
  assert.deepEqual([1, 2, 3].map((threshold) => falseAlarmRate([2], threshold)), [1, 0.5, 0.5]);
});

test("false alarms are told per thousand, and never fewer than the scores can support", () => {
  const most = (/** @type {number} */ count, /** @type {number} */ threshold) => falseAlarms(Array.from({ length: count }, (_, at) => at), threshold);
  assert.equal(most(99, 94), "at most 50 false alarms per 1000 normal images");
  assert.equal(most(99, -1), "at most 1000 false alarms per 1000 normal images");
  assert.equal(most(99, 1e6), "at most 10 false alarms per 1000 normal images; 99 images cannot support less");
  assert.equal(most(4999, 4994), "at most 1 false alarm per 1000 normal images");
  assert.equal(most(4999, 4998), "at most 0.2 false alarms per 1000 normal images; 4999 images cannot support less");
  assert.equal(most(22, 21), "at most 43 false alarms per 1000 normal images; 22 images cannot support less");
  assert.equal(most(1, 0), "at most 500 false alarms per 1000 normal images; 1 image cannot support less");
});

test("at the model's own γ scores are the engine's", () => {
  const info = model();
  const by = criterion(info, OWN);
  assert.equal(by.isOwn, true);
  assert.deepEqual(by.scores, info.normalScores);
  assert.equal(by.threshold, info.threshold);
  assert.deepEqual(judge({ score: 7, reconstructionScore: 0, alignmentScore: 0, anomalous: true, unfamiliarity: 0.5 }, info, by), { score: 7, verdict: "anomalous" });
});

test("a model's numbers come out of R and L again", async () => {
  const bytes = await readFile(MODEL);
  const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString());
  const { fusion, threshold, false_alarm_rate, normal_scores, normal_raw_scores } = JSON.parse(header.__metadata__.daad).calibration;
  assert.ok(falseAlarmRate(normal_scores, threshold) <= false_alarm_rate);
  const fused = normal_raw_scores.map((/** @type {any} */ mirrored) => Math.max(...mirrored.map((/** @type {any} */ raw) => fuse(raw, fusion, fusion.gamma)))).sort((/** @type {number} */ a, /** @type {number} */ b) => a - b);
  assert.equal(fused.length, normal_scores.length);
  fused.forEach((/** @type {number} */ score, /** @type {number} */ at) => assert.ok(Math.abs(score - normal_scores[at]) <= 1e-9 * Math.abs(normal_scores[at])));
});

test("γ from one end to the other: L alone, R alone", () => {
  const [l, r] = [0, 1].map((gamma) => criterion(model(), { gamma, threshold: null }));
  assert.deepEqual(l?.scores, [0, 0.25, 0.5, 0.75, 1]);
  assert.deepEqual(r?.scores, [0, 0.25, 0.5, 0.75, 1]);
  const scores = { score: 0, reconstructionScore: 1, alignmentScore: 50, anomalous: false, unfamiliarity: 0.5 };
  assert.deepEqual(l && judge(scores, model(), l), { score: 1, verdict: "anomalous" });
  assert.deepEqual(r && judge(scores, model(), r), { score: 0, verdict: "normal" });
});

test("the threshold goes along with γ at the same rate of false alarms, and comes back", () => {
  const info = model();
  for (const threshold of [null, { value: 0.3, gamma: null }, { value: 2, gamma: 0.2 }]) {
    const rates = [0, 0.3, 0.9, 1].map((gamma) => {
      const by = criterion(info, { gamma, threshold });
      return falseAlarmRate(by.scores, by.threshold);
    });
    for (const rate of rates) assert.ok(Math.abs(rate - (rates[0] ?? NaN)) < 1e-9, rates.join(" "));
  }
  assert.equal(criterion(info, { gamma: 0.2, threshold: { value: 0.3, gamma: 0.2 } }).threshold, 0.3);
  assert.ok(Math.abs(criterion(info, { gamma: 0.2, threshold: null }).threshold - criterion(info, { gamma: 0.2, threshold: null }).ownThreshold) < 1e-12);
});

test("a threshold that is moved overrules the engine", () => {
  const by = criterion(model(), { gamma: null, threshold: { value: 0.5, gamma: null } });
  assert.equal(by.isOwn, false);
  assert.equal(judge({ score: 0.6, reconstructionScore: 0, alignmentScore: 0, anomalous: false, unfamiliarity: 0.5 }, model(), by).verdict, "anomalous");
  assert.equal(judge({ score: 0.5, reconstructionScore: 0, alignmentScore: 0, anomalous: true, unfamiliarity: 0.5 }, model(), by).verdict, "normal");
});

test("γ stays where there is nothing to fuse anew, and the page says why", () => {
  assert.equal(whyFixed(model()), "");
  for (const [fields, why] of /** @type {const} */ ([[{ normalRawScores: [] }, /keeps no R and L/], [{ alignment: null }, /has no L/]])) {
    const info = model(fields);
    assert.match(whyFixed(info), why);
    const by = criterion(info, { gamma: 0.1, threshold: { value: 0.4, gamma: 0.1 } });
    assert.deepEqual([by.gamma, by.threshold, by.scores], [0.9, 0.4, info.normalScores]);
  }
});

test("a place on the axis and its value belong together, through the fold", () => {
  const scale = axis([0.1, 0.5, 0.9], 0.8);
  for (const value of [0, 0.3, 0.9, 1.5, 40, 900]) assert.ok(Math.abs(valueOnAxis(scale, position(scale, value)) - value) < 1e-9 * (1 + value), String(value));
});

test("an image of another kind is unfamiliar, whatever its score and wherever the threshold is", () => {
  for (const moved of [{ gamma: null, threshold: null }, { gamma: null, threshold: { value: 0.9, gamma: null } }])
    for (const score of [0.1, 85]) assert.equal(judge({ score, reconstructionScore: 0, alignmentScore: 0, anomalous: score > 1, unfamiliarity: 1.1 }, model(), criterion(model(), moved)).verdict, "unfamiliar");
});
