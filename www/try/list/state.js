/**
 * The state of the list of several images, and how each event changes it. The functions are pure, so they are tested without a browser.
 *
 * @typedef {Pick<import("../../shared/types.js").Detection, "score" | "reconstructionScore" | "alignmentScore" | "anomalous" | "unfamiliarity">} Scores
 *
 * @typedef {object} Row
 * @property {number} id
 * @property {File} file to be judged, shown, and judged again by another model
 * @property {"waiting" | "judging" | "judged" | "failed"} stage
 * @property {Scores | null} scores
 * @property {number} elapsedMs
 * @property {string} reason one sentence, "" unless the image failed
 *
 * @typedef {"name" | "score" | "r" | "l" | "verdict" | "time"} Column
 * @typedef {{ by: Column, descending: boolean } | null} Order null: in the order of arrival
 *
 * @typedef {object} State
 * @property {readonly Row[]} rows
 * @property {number} ids the id of the next row
 * @property {boolean} stopped by the visitor
 * @property {Order} order
 * @property {number | null} shown the row that the card shows
 *
 * @typedef {{ type: "add", files: readonly File[] }
 *   | { type: "judging", id: number }
 *   | { type: "judged", id: number, scores: Scores, elapsedMs: number }
 *   | { type: "failed", id: number, reason: string }
 *   | { type: "again" }
 *   | { type: "stop" } | { type: "go-on" }
 *   | { type: "remove", id: number } | { type: "clear" }
 *   | { type: "sort", by: Column }
 *   | { type: "shown", id: number | null }} Event
 *
 * @typedef {Row & { name: string, score: number | null, verdict: import("../../shared/types.js").Verdict | null }} Entry a row as it is judged now
 */

import { judge } from "../judgement.js";

/** @type {Readonly<State>} */
export const INITIAL = { rows: [], ids: 0, stopped: false, order: null, shown: null };

/**
 * @param {State} state
 * @param {Event} event
 * @returns {State}
 */
export function reduce(state, event) {
  switch (event.type) {
    case "add": {
      const rows = event.files.map((file, at) => waiting({ id: state.ids + at, file }));
      return { ...state, rows: [...state.rows, ...rows], ids: state.ids + rows.length, stopped: false };
    }
    case "judging":
      return change(state, event.id, (row) => ({ ...row, stage: "judging" }));
    case "judged":
      return change(state, event.id, (row) => ({ ...row, stage: "judged", scores: event.scores, elapsedMs: event.elapsedMs }));
    case "failed":
      return change(state, event.id, (row) => ({ ...row, stage: "failed", reason: event.reason }));
    case "again":
      return { ...state, rows: state.rows.map(waiting) };
    case "stop":
      return { ...state, stopped: true };
    case "go-on":
      return { ...state, stopped: false };
    case "remove":
      return { ...state, rows: state.rows.filter(({ id }) => id !== event.id) };
    case "clear":
      return { ...state, rows: [], shown: null };
    case "sort": // numbers start in descending order, so that the worst image comes first
      return { ...state, order: { by: event.by, descending: state.order?.by === event.by ? !state.order.descending : event.by !== "name" } };
    case "shown":
      return { ...state, shown: event.id };
  }
}

/** The row to judge next.
 * @param {State} state */
export function next({ rows, stopped }) {
  return stopped ? undefined : rows.find(({ stage }) => stage === "waiting");
}

/**
 * The rows, judged by the current criterion and sorted. Rows without a score come last.
 * @param {State} state
 * @param {import("../../shared/types.js").ModelInfo | undefined} info
 * @param {import("../judgement.js").Criterion | null} criterion
 * @returns {Entry[]}
 */
export function entries({ rows, order }, info, criterion) {
  const all = rows.map((row) => {
    const judged = row.scores && info && criterion ? judge(row.scores, info, criterion) : null;
    return { ...row, name: row.file.name || "Pasted image", score: judged?.score ?? null, verdict: judged && judged.verdict };
  });
  if (!order) return all;
  const sign = order.descending ? -1 : 1;
  return all.sort((a, b) => {
    const [x, y] = [key(a, order.by), key(b, order.by)];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    return sign * (typeof x === "string" || typeof y === "string" ? NAMES.compare(String(x), String(y)) : x - y);
  });
}

/**
 * How many images are judged, and with which verdicts.
 * @param {readonly Entry[]} entries
 */
export function tally(entries) {
  const count = (/** @type {(entry: Entry) => boolean} */ is) => entries.filter(is).length;
  return {
    all: entries.length,
    done: count(({ stage }) => stage === "judged" || stage === "failed"),
    anomalous: count(({ verdict }) => verdict === "anomalous"),
    unfamiliar: count(({ verdict }) => verdict === "unfamiliar"),
    normal: count(({ verdict }) => verdict === "normal"),
    failed: count(({ stage }) => stage === "failed"),
  };
}

/** Sorts "image 2" before "image 10". */
const NAMES = new Intl.Collator("en", { numeric: true });

/**
 * @param {Entry} entry
 * @param {Column} by
 */
function key({ name, score, verdict, scores, elapsedMs }, by) {
  if (by === "name") return name;
  if (!scores) return null;
  return { score, verdict: verdict && ["normal", "anomalous", "unfamiliar"].indexOf(verdict), r: scores.reconstructionScore, l: scores.alignmentScore, time: elapsedMs }[by];
}

/** @param {Pick<Row, "id" | "file">} row @returns {Row} */
function waiting({ id, file }) {
  return { id, file, stage: "waiting", scores: null, elapsedMs: 0, reason: "" };
}

/**
 * @param {State} state
 * @param {number} id of a row that may be removed by now
 * @param {(row: Row) => Row} how
 */
function change(state, id, how) {
  return { ...state, rows: state.rows.map((row) => (row.id === id ? how(row) : row)) };
}
