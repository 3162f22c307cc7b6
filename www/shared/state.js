/**
 * The state of the page, and how each event changes it. The functions are pure, so they are tested without a browser.
 *
 * @typedef {import("./types.js").BackendChoice} BackendChoice
 * @typedef {import("./types.js").ModelInfo} ModelInfo
 * @typedef {readonly import("../try/break/strokes.js").Stroke[]} Strokes
 *
 * @typedef {object} Subject the image that was asked for
 * @property {number} ticket a number that rises with every image; a result for an older image is dropped
 * @property {string} name
 * @property {import("./types.js").Sample | null} sample null for a visitor's own image
 *
 * @typedef {{ detection: import("./types.js").Detection, subject: Subject, strokes: Strokes, loaded: Loaded }} Result with the strokes on the image, and the detector that judged it
 *
 * @typedef {import("daad").EngineInfo & { info: ModelInfo }} Loaded
 *
 * @typedef {"side" | "swipe"} View input and reconstruction side by side, or one over the other
 *
 * @typedef {object} State
 * @property {BackendChoice} choice
 * @property {import("./types.js").ModelFile[]} models
 * @property {string} model file name of the chosen one, "" before the list is loaded
 * @property {readonly import("./types.js").Gallery[]} galleries the images of each model
 * @property {boolean} loading
 * @property {import("./types.js").Progress | null} progress
 * @property {Loaded | null} loaded
 * @property {Subject | null} subject
 * @property {boolean} detecting
 * @property {Result | null} result the result on the card; it is kept when a later image fails
 * @property {Result | null} original the result of the same image before the visitor painted on it
 * @property {Strokes} strokes the strokes on the image now; the result may still be that of fewer strokes
 * @property {string} error one sentence, "" if there is no error; it may be about the next file while an earlier image is still being judged
 * @property {number} opacity of the error map, 0 to 1
 * @property {boolean} blocks draw the borders of the blocks
 * @property {View} view
 * @property {number | null} gamma weight of R as the visitor moved it; null: the model's own
 * @property {import("../try/judgement.js").Threshold | null} threshold as the visitor set it; null: the model's own
 *
 * @typedef {{ type: "loading", choice: BackendChoice }
 *   | { type: "models", models: import("./types.js").ModelFile[], model: string }
 *   | { type: "galleries", galleries: readonly import("./types.js").Gallery[] }
 *   | { type: "progress", progress: import("./types.js").Progress }
 *   | { type: "loaded", loaded: Loaded }
 *   | { type: "load-failed", message: string }
 *   | { type: "detecting", subject: Subject }
 *   | { type: "detected", result: Result }
 *   | { type: "detect-failed", ticket: number, message: string }
 *   | { type: "refused", message: string }
 *   | { type: "painted", strokes: Strokes }
 *   | { type: "opacity", opacity: number }
 *   | { type: "blocks", blocks: boolean }
 *   | { type: "view", view: View }
 *   | { type: "gamma", gamma: number | null }
 *   | { type: "threshold", threshold: number | null }} Event
 */

import { sentence } from "./format.js";
import { criterion, judge } from "../try/judgement.js";

/** @type {Readonly<State>} */
export const INITIAL = {
  choice: "auto",
  models: [],
  model: "",
  galleries: [],
  loading: true,
  progress: null,
  loaded: null,
  subject: null,
  detecting: false,
  result: null,
  original: null,
  strokes: [],
  error: "",
  opacity: 0.7,
  blocks: false,
  view: "side",
  gamma: null,
  threshold: null,
};

/**
 * @param {State} state
 * @param {Event} event
 * @returns {State}
 */
export function reduce(state, event) {
  switch (event.type) {
    case "loading":
      return { ...state, choice: event.choice, loading: true, progress: null, loaded: null, error: "" };
    case "models":
      // The visitor's γ and threshold were chosen for the previous model, so another model resets them.
      return { ...state, models: event.models, model: event.model, ...(state.model && event.model !== state.model ? { gamma: null, threshold: null } : {}) };
    case "galleries":
      return { ...state, galleries: event.galleries };
    case "progress":
      return state.loading ? { ...state, progress: event.progress } : state;
    case "loaded":
      return { ...state, loading: false, progress: null, loaded: event.loaded };
    case "load-failed":
      return { ...state, loading: false, progress: null, detecting: false, error: event.message };
    case "detecting":
      return { ...state, subject: event.subject, detecting: true, error: "" };
    case "detected":
      return event.result.strokes.length > 0 ? detectedPainted(state, event.result) : detectedOriginal(state, event.result);
    case "detect-failed":
      return isCurrent(state, event.ticket) ? { ...state, detecting: false, error: event.message } : state;
    case "refused":
      return { ...state, error: event.message };
    case "painted": {
      if (!canPaint(state)) return state;
      const painted = { ...state, strokes: event.strokes, error: "" };
      return event.strokes.length > 0 ? painted : { ...painted, result: state.original, detecting: false };
    }
    case "opacity":
      return { ...state, opacity: event.opacity };
    case "blocks":
      return { ...state, blocks: event.blocks };
    case "view":
      return { ...state, view: event.view };
    case "gamma":
      return { ...state, gamma: event.gamma };
    case "threshold":
      return { ...state, threshold: event.threshold === null ? null : { value: event.threshold, gamma: state.gamma } };
  }
}

/**
 * @param {State} state
 * @param {Result} result
 * @returns {State}
 */
function detectedOriginal(state, result) {
  if (!isCurrent(state, result.subject.ticket)) return state;
  const isSameImage = state.original?.subject.ticket === result.subject.ticket; // the same image, judged again by another engine
  if (isSameImage && state.strokes.length > 0) return { ...state, original: result }; // the painted version is judged next
  return { ...state, detecting: false, result, original: result, strokes: [] };
}

/**
 * Takes the result of a painted image, unless another image, another engine or an undone stroke has made it obsolete.
 * @param {State} state
 * @param {Result} result
 * @returns {State}
 */
function detectedPainted(state, result) {
  const { original, strokes } = state;
  if (strokes.length === 0 || original?.subject.ticket !== result.subject.ticket || original.loaded !== result.loaded) return state;
  return { ...state, detecting: state.detecting && !isCurrent(state, result.subject.ticket), result };
}

/** Whether there is an image to paint on: one that the current engine has judged, while no other image is requested.
 * @param {State} state */
export function canPaint({ original, loaded, detecting, subject }) {
  return original !== null && original.loaded === loaded && (!detecting || subject?.ticket === original.subject.ticket);
}

/**
 * @param {State} state
 * @returns {"ready" | "working" | "error"}
 */
export function status(state) {
  if (state.loading || state.detecting) return "working";
  return state.error ? "error" : "ready";
}

/** The sentence that the page shows beside the status.
 * @param {State} state */
export function message(state) {
  if (state.error) return state.error;
  if (state.loading) return state.progress?.stage === "starting" ? "Starting the engine…" : "Downloading…";
  if (state.detecting) return `Looking at ${state.subject?.name ?? "the image"}…`;
  if (state.strokes.length > 0) return `${state.original?.subject.name}, with what you painted.`; // the same sentence for every stroke, so that a screen reader reads it once
  if (!state.result) return "Drop, paste or choose an image.";
  const { subject, detection } = state.result;
  return `${subject.name}: ${verdict(state)?.verdict}. ${detection.note ? sentence(detection.note) : "Try another image."}`;
}

/** The image that the card describes.
 * @param {State} state */
export function subject(state) {
  if (state.result) return state.result.subject.name;
  return status(state) === "working" ? "The first image is on its way." : "Choose an image to begin.";
}

/** The source of the card's numbers: the engine of the result, which may differ from the current engine.
 * @param {State} state */
export function source(state) {
  return state.result?.loaded ?? state.loaded;
}

/** The criterion of the card; null before a model is loaded.
 * @param {State} state */
export function rule(state) {
  const info = source(state)?.info;
  return info ? criterionOf(info, state.gamma, state.threshold) : null;
}

/** The verdict that all parts of the page show.
 * @param {State} state */
export function verdict(state) {
  const by = rule(state);
  return state.result && by ? verdictOf(state.result, by) : null;
}

/** The verdict by the same criterion on the image before the visitor painted on it; null if another engine judged that image.
 * @param {State} state */
export function verdictBefore(state) {
  const by = rule(state);
  return state.original && by && state.original.loaded === state.result?.loaded ? verdictBeforeOf(state.original, by) : null;
}

const criterionOf = keepLast((/** @type {ModelInfo} */ info, /** @type {State["gamma"]} */ gamma, /** @type {State["threshold"]} */ threshold) => criterion(info, { gamma, threshold }));
const verdictOf = keepLast(judged);
const verdictBeforeOf = keepLast(judged);

/**
 * @param {Result} result
 * @param {import("../try/judgement.js").Criterion} by
 */
function judged({ detection, loaded }, by) {
  return { ...judge(detection, loaded.info, by), threshold: by.threshold };
}

/**
 * Caches the last result of a function and returns it again for the same input, so that a watcher does not see a change when there is none.
 * @template {unknown[]} Input
 * @template Output
 * @param {(...input: Input) => Output} compute
 */
function keepLast(compute) {
  /** @type {{ input: Input, output: Output } | undefined} */
  let last;
  return (/** @type {Input} */ ...input) => {
    if (!last || input.some((value, at) => !Object.is(value, last?.input[at]))) last = { input, output: compute(...input) };
    return last.output;
  };
}

/**
 * @param {State} state
 * @param {number} ticket
 */
function isCurrent(state, ticket) {
  return state.subject?.ticket === ticket;
}

/**
 * Holds the state, and calls a listener only when the part that the listener selected has changed.
 */
export function createStore(initial = /** @type {State} */ (INITIAL)) {
  let state = initial;
  /** @type {Set<() => void>} */
  const listeners = new Set();
  return {
    get: () => state,
    /** @param {Event} event */
    send(event) {
      state = reduce(state, event);
      for (const listener of listeners) listener();
    },
    /**
     * @template {[unknown, ...unknown[]]} Part
     * @param {(state: State) => Part} select
     * @param {(...part: Part) => void} show called at once, then after each change
     * @returns {() => void} ends it
     */
    watch(select, show) {
      let part = select(state);
      show(...part);
      const listener = () => {
        const next = select(state);
        if (next.every((value, i) => Object.is(value, part[i]))) return;
        part = next;
        show(...part);
      };
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
