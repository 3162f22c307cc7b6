/**
 * All that the page knows, and how each event changes it: pure, so it is tested without a browser.
 *
 * @typedef {import("./protocol.js").BackendChoice} BackendChoice
 * @typedef {import("./protocol.js").ModelInfo} ModelInfo
 *
 * @typedef {object} Subject the image that was asked for
 * @property {number} ticket rises with every image: an answer to an older one is dropped
 * @property {string} name
 * @property {import("./protocol.js").Sample | null} sample null for a visitor's own image
 *
 * @typedef {import("./protocol.js").Timed & { subject: Subject, loaded: Loaded }} Result with what judged it
 *
 * @typedef {object} Loaded
 * @property {import("./protocol.js").Backend} backend
 * @property {number} threads
 * @property {string} gpu the adapter's name, "" on the CPU or where it is hidden
 * @property {string} note why this backend, where that is not plain
 * @property {ModelInfo} info
 *
 * @typedef {object} State
 * @property {BackendChoice} choice
 * @property {import("./protocol.js").ModelFile[]} models
 * @property {string} model file name of the chosen one, "" before the list is here
 * @property {boolean} loading
 * @property {import("./protocol.js").Progress | null} progress
 * @property {Loaded | null} loaded
 * @property {Subject | null} subject
 * @property {boolean} detecting
 * @property {Result | null} result stays when a later image fails
 * @property {string} error one sentence, "" when all is well; told of the next file while an earlier image is still being judged
 * @property {number} opacity of the error map, 0 to 1
 * @property {boolean} blocks draw the borders of the blocks
 *
 * @typedef {{ type: "loading", choice: BackendChoice }
 *   | { type: "models", models: import("./protocol.js").ModelFile[], model: string }
 *   | { type: "progress", progress: import("./protocol.js").Progress }
 *   | { type: "loaded", loaded: Loaded }
 *   | { type: "load-failed", message: string }
 *   | { type: "detecting", subject: Subject }
 *   | { type: "detected", result: Result }
 *   | { type: "detect-failed", ticket: number, message: string }
 *   | { type: "refused", message: string }
 *   | { type: "opacity", opacity: number }
 *   | { type: "blocks", blocks: boolean }} Event
 */

/** @type {Readonly<State>} */
export const INITIAL = {
  choice: "auto",
  models: [],
  model: "",
  loading: true,
  progress: null,
  loaded: null,
  subject: null,
  detecting: false,
  result: null,
  error: "",
  opacity: 0.7,
  blocks: false,
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
      return { ...state, models: event.models, model: event.model };
    case "progress":
      return state.loading ? { ...state, progress: event.progress } : state;
    case "loaded":
      return { ...state, loading: false, progress: null, loaded: event.loaded };
    case "load-failed":
      return { ...state, loading: false, progress: null, detecting: false, error: event.message };
    case "detecting":
      return { ...state, subject: event.subject, detecting: true, error: "" };
    case "detected":
      return isCurrent(state, event.result.subject.ticket) ? { ...state, detecting: false, result: event.result } : state;
    case "detect-failed":
      return isCurrent(state, event.ticket) ? { ...state, detecting: false, error: event.message } : state;
    case "refused":
      return { ...state, error: event.message };
    case "opacity":
      return { ...state, opacity: event.opacity };
    case "blocks":
      return { ...state, blocks: event.blocks };
  }
}

/**
 * @param {State} state
 * @returns {"ready" | "working" | "error"}
 */
export function status(state) {
  if (state.loading || state.detecting) return "working";
  return state.error ? "error" : "ready";
}

/** What the page says beside the status: one sentence.
 * @param {State} state */
export function message(state) {
  if (state.error) return state.error;
  if (state.loading) return state.progress?.stage === "starting" ? "Starting the engine…" : "Downloading…";
  if (state.detecting) return `Looking at ${state.subject?.name ?? "the image"}…`;
  return state.result ? `${state.result.subject.name}: ${state.result.detection.anomalous ? "anomalous" : "normal"}. Try another image.` : "Drop, paste or choose an image.";
}

/** Which image the card speaks of.
 * @param {State} state */
export function subject(state) {
  if (state.result) return state.result.subject.name;
  return status(state) === "working" ? "The first image is on its way." : "Choose an image to begin.";
}

/** What the card's numbers come from: the engine of the result, be it the present one or not.
 * @param {State} state */
export function source(state) {
  return state.result?.loaded ?? state.loaded;
}

/**
 * @param {State} state
 * @param {number} ticket
 */
function isCurrent(state, ticket) {
  return state.subject?.ticket === ticket;
}

/**
 * Holds the one state; tells a listener only when the part that it selected has changed.
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
     */
    watch(select, show) {
      let part = select(state);
      show(...part);
      listeners.add(() => {
        const next = select(state);
        if (next.every((value, i) => Object.is(value, part[i]))) return;
        part = next;
        show(...part);
      });
    },
  };
}
