import assert from "node:assert/strict";
import test from "node:test";
import { criterion } from "../../../www/try/judgement.js";
import { csv, json } from "../../../www/try/list/export.js";
import { INITIAL, entries, next, reduce, tally } from "../../../www/try/list/state.js";

/** @typedef {import("../../../www/try/list/state.js").Event} Event */

/** @type {import("../../../www/shared/types.js").ModelInfo} */
const INFO = /** @type {any} */ ({ gamma: 0.9, threshold: 0.5, normalScores: [0, 0.25, 0.5], normalRawScores: [], reconstruction: { min: 0, max: 1 }, alignment: null, falseAlarmRate: 0 });

/** @param {string[]} names @returns {Event} */
function add(...names) {
  return { type: "add", files: names.map((name) => /** @type {File} */ ({ name })) };
}

/** @param {number} id @param {number} score @returns {Event} */
function judged(id, score) {
  return { type: "judged", id, scores: { score, reconstructionScore: score, alignmentScore: null, anomalous: score > 0.5, unfamiliarity: 0 }, elapsedMs: 10 - id };
}

/** @param {...Event} events */
function after(...events) {
  return events.reduce(reduce, INITIAL);
}

/** @param {import("../../../www/try/list/state.js").State} state @param {number | null} [threshold] */
function listed(state, threshold = null) {
  return entries(state, INFO, criterion(INFO, { gamma: null, threshold: threshold === null ? null : { value: threshold, gamma: null } }));
}

test("rows are judged one after another, as they came", () => {
  let state = after(add("a", "b"), add("c"));
  for (const id of [0, 1, 2]) {
    assert.equal(next(state)?.id, id);
    state = [/** @type {Event} */ ({ type: "judging", id }), judged(id, id)].reduce(reduce, state);
  }
  assert.equal(next(state), undefined);
});

test("who stops may go on, and files that are added go on by themselves", () => {
  const stopped = after(add("a", "b"), judged(0, 1), { type: "stop" });
  assert.equal(next(stopped), undefined);
  assert.equal(next(reduce(stopped, { type: "go-on" }))?.id, 1);
  assert.equal(next(reduce(stopped, add("c")))?.id, 1);
});

test("a row that fails keeps its reason, and the next one is judged", () => {
  const state = after(add("a", "b"), { type: "failed", id: 0, reason: "No image." });
  assert.equal(state.rows[0]?.reason, "No image.");
  assert.equal(next(state)?.id, 1);
  assert.deepEqual(tally(listed(state)), { all: 2, done: 1, anomalous: 0, unfamiliar: 0, normal: 0, failed: 1 });
});

test("what comes back for a row that was removed is dropped", () => {
  const state = after(add("a", "b"), { type: "remove", id: 0 }, judged(0, 1));
  assert.deepEqual(state.rows.map(({ id, stage }) => [id, stage]), [[1, "waiting"]]);
  assert.deepEqual(after(add("a"), { type: "shown", id: 0 }, { type: "clear" }), { ...INITIAL, ids: 1 });
});

test("another model judges all of them again", () => {
  const state = after(add("a", "b"), judged(0, 1), { type: "failed", id: 1, reason: "No." }, { type: "again" });
  assert.deepEqual(state.rows.map(({ stage, scores, reason }) => [stage, scores, reason]), [["waiting", null, ""], ["waiting", null, ""]]);
});

test("a header sorts, then turns the order round; without a score come last either way", () => {
  const state = after(add("image 10", "image 2", "broken"), judged(0, 0.1), judged(1, 0.9), { type: "failed", id: 2, reason: "No." });
  const order = (/** @type {Event[]} */ ...events) => listed(events.reduce(reduce, state)).map(({ id }) => id);
  const by = (/** @type {import("../../../www/try/list/state.js").Column} */ column) => /** @type {Event} */ ({ type: "sort", by: column });
  assert.deepEqual(order(), [0, 1, 2]);
  assert.deepEqual(order(by("score")), [1, 0, 2]);
  assert.deepEqual(order(by("score"), by("score")), [0, 1, 2]);
  assert.deepEqual(order(by("name")), [2, 1, 0]);
  assert.deepEqual(order(by("verdict")), [1, 0, 2]);
  assert.deepEqual(order(by("time")), [0, 1, 2]);
});

test("verdicts follow the threshold", () => {
  const state = after(add("a", "b"), judged(0, 0.4), judged(1, 0.9));
  assert.deepEqual(listed(state).map(({ verdict }) => verdict), ["normal", "anomalous"]);
  assert.deepEqual(listed(state, 0.3).map(({ verdict }) => verdict), ["anomalous", "anomalous"]);
  assert.deepEqual(listed(state, 1).map(({ verdict }) => verdict), ["normal", "normal"]);
});

const BY = { model: { name: "piped", hash: "abc" }, criterion: criterion(INFO, { gamma: null, threshold: null }) };

test("CSV is quoted, and no name becomes a formula", () => {
  const names = ['say "hi", twice.png', '=HYPERLINK("x")', "+1", "-1", "@a", "\t=1", "line\r\nbreak", " =1", "plain=1.png"];
  const lines = csv(listed(after(add(...names))), BY);
  const first = lines.replace("line\r\nbreak", "line break").split("\r\n").slice(1, -1).map((line) => /^("(?:[^"]|"")*"),/.exec(line)?.[1]);
  assert.deepEqual(first, ['"say ""hi"", twice.png"', '"\'=HYPERLINK(""x"")"', '"\'+1"', '"\'-1"', '"\'@a"', '"\'\t=1"', '"line break"', '"\' =1"', '"plain=1.png"']);
});

test("CSV says how each was judged, and by what", () => {
  const state = after(add("a.png", "b.png", "c.png"), judged(0, -0.25), { type: "failed", id: 1, reason: "No image." });
  assert.deepEqual(csv(listed(state), BY).split("\r\n"), [
    "\uFEFFname,verdict,score,reconstruction_score,alignment_score,time_ms,reason,model,model_hash,gamma,threshold",
    '"a.png",normal,-0.25,-0.25,,10,"","piped","abc",0.9,0.5',
    '"b.png",failed,,,,,"No image.","piped","abc",0.9,0.5',
    '"c.png",not judged,,,,,"","piped","abc",0.9,0.5',
    "",
  ]);
});

test("JSON has the model, γ, the threshold and every image", () => {
  const read = JSON.parse(json(listed(after(add("a.png", "b.png"), judged(0, 0.9), { type: "failed", id: 1, reason: "No image." })), BY));
  assert.deepEqual(read, {
    model: { name: "piped", hash: "abc" },
    gamma: 0.9,
    threshold: 0.5,
    estimated_false_alarm_rate: 0.25,
    normal_scores: 3,
    images: [
      { name: "a.png", verdict: "anomalous", score: 0.9, reconstruction_score: 0.9, alignment_score: null, time_ms: 10 },
      { name: "b.png", verdict: null, reason: "No image." },
    ],
  });
});
