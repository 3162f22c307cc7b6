/** Exports the list as CSV for a spreadsheet, or as JSON for a program. */

import { falseAlarmRate } from "../alarms.js";

/** @typedef {import("./state.js").Entry} Entry */
/** @typedef {{ model: { name: string, hash: string }, criterion: import("../judgement.js").Criterion }} By the model and the criterion that judged the images */

const COLUMNS = ["name", "verdict", "score", "reconstruction_score", "alignment_score", "time_ms", "reason", "model", "model_hash", "gamma", "threshold"];

/** Without it Excel does not read the file as UTF-8. */
const BYTE_ORDER_MARK = "\uFEFF";

/**
 * CSV as in RFC 4180, after a byte-order mark.
 * @param {readonly Entry[]} entries
 * @param {By} by
 */
export function csv(entries, { model, criterion }) {
  const rows = entries.map(({ name, verdict, stage, score, scores, elapsedMs, reason }) => [
    text(name),
    verdict ?? (stage === "failed" ? "failed" : "not judged"),
    ...[score, scores?.reconstructionScore, scores?.alignmentScore, scores && tenths(elapsedMs)].map((value) => value ?? ""),
    text(reason),
    text(model.name),
    text(model.hash),
    criterion.gamma,
    criterion.threshold,
  ]);
  return BYTE_ORDER_MARK + [COLUMNS, ...rows].map((row) => `${row.join(",")}\r\n`).join("");
}

/**
 * @param {readonly Entry[]} entries
 * @param {By} by
 */
export function json(entries, { model, criterion }) {
  const { gamma, threshold, scores } = criterion;
  const images = entries.map(({ name, stage, verdict, score, scores, elapsedMs, reason }) => ({
    name,
    ...(scores ? { verdict, score, reconstruction_score: scores.reconstructionScore, alignment_score: scores.alignmentScore, time_ms: tenths(elapsedMs) } : { verdict: null, reason: stage === "failed" ? reason : "not judged" }),
  }));
  return `${JSON.stringify({ model, gamma, threshold, estimated_false_alarm_rate: falseAlarmRate(scores, threshold), normal_scores: scores.length, images }, null, 2)}\n`;
}

/**
 * A text in quotes. If a spreadsheet would read the text as a formula, an apostrophe is put before it.
 * @param {string} value
 */
function text(value) {
  const safe = /^\s*[=+\-@＝＋－＠]|^[\t\r\n]/.test(value) ? `'${value}` : value;
  return `"${safe.replaceAll('"', '""')}"`;
}

/** @param {number} value */
function tenths(value) {
  return Math.round(value * 10) / 10;
}
