/**
 * The state of a camera or a video that is judged frame by frame. The functions are pure, so they are tested without a browser.
 *
 * @typedef {"camera" | "video"} Kind
 *
 * @typedef {object} Moment a judged frame
 * @property {number} at_s the frame's time in the source
 * @property {number} score
 * @property {number} smooth
 * @property {number} unfamiliarity smoothed too
 *
 * @typedef {object} State
 * @property {Kind | null} kind null: no source
 * @property {string} name
 * @property {readonly Moment[]} moments of the last `WINDOW_S`
 * @property {number} seen frames that the source has shown
 * @property {number} judged the number of judged frames; the others were dropped
 * @property {string} error one sentence, "" if there is no error
 *
 * @typedef {{ type: "opened", kind: Kind, name: string }
 *   | { type: "seen", frames: number }
 *   | { type: "judged", at_s: number, score: number, unfamiliarity: number }
 *   | { type: "failed", message: string }
 *   | { type: "closed" }} Event
 */

import { verdictOf } from "../judgement.js";

/** The time for which judged frames are kept. */
export const WINDOW_S = 30;

/** The time constant of the smoothing: after this time the smoothed score has followed a jump to about two thirds. So a single odd frame does not change the verdict. */
const SETTLING_S = 0.5;

/** @type {Readonly<State>} */
export const INITIAL = { kind: null, name: "", moments: [], seen: 0, judged: 0, error: "" };

/**
 * @param {State} state
 * @param {Event} event
 * @returns {State}
 */
export function reduce(state, event) {
  switch (event.type) {
    case "opened":
      return { ...INITIAL, kind: event.kind, name: event.name };
    case "seen":
      return { ...state, seen: state.seen + event.frames };
    case "judged": {
      const { at_s, score } = event;
      const last = state.moments.at(-1);
      // A video that was rewound starts with an empty history.
      const past = last && at_s >= last.at_s ? state.moments.filter((moment) => moment.at_s > at_s - WINDOW_S) : [];
      const before = past.at(-1);
      const weight = before ? 1 - Math.exp(-(at_s - before.at_s) / SETTLING_S) : 1;
      const follow = (/** @type {number | undefined} */ from, /** @type {number} */ to) => (from === undefined ? to : from + weight * (to - from));
      const smooth = follow(before?.smooth, score);
      const unfamiliarity = follow(before?.unfamiliarity, event.unfamiliarity);
      return { ...state, moments: [...past, { at_s, score, smooth, unfamiliarity }], judged: state.judged + 1, error: "" };
    }
    case "failed":
      return { ...state, error: event.message };
    case "closed":
      return INITIAL;
  }
}

/** The score now: smoothed; null before the first frame. @param {State} state */
export function current({ moments }) {
  return moments.at(-1)?.smooth ?? null;
}

/**
 * The verdict now; null before the first frame.
 * @param {State} state
 * @param {number | null} threshold
 * @returns {import("../../shared/types.js").Verdict | null}
 */
export function verdict({ moments }, threshold) {
  const last = moments.at(-1);
  if (!last || threshold === null) return null;
  return verdictOf(last.smooth > threshold, last.unfamiliarity);
}

/**
 * The frames judged per second, over the kept moments.
 * @param {State} state
 */
export function pace({ moments }) {
  const [first] = moments;
  const last = moments.at(-1);
  return first && last && last.at_s > first.at_s ? (moments.length - 1) / (last.at_s - first.at_s) : 0;
}

/** @param {State} state how fast it goes, in words */
export function speed(state) {
  if (state.judged === 0) return "";
  const dropped = Math.max(0, state.seen - state.judged);
  return `${pace(state).toFixed(pace(state) < 10 ? 1 : 0)} frames a second judged, ${dropped} of ${Math.max(state.seen, state.judged)} dropped`;
}
