/**
 * What is known of a training run in the page, from the images to the finished model: pure, so it is tested without a browser.
 *
 * @typedef {object} Photo an image to learn from
 * @property {number} id
 * @property {string} name
 * @property {Uint8Array<ArrayBuffer>} picture the bytes of its file
 * @property {ImageBitmap} thumb
 *
 * @typedef {"collecting" | "loading" | "learning" | "paused" | "finishing" | "done"} Phase
 *
 * @typedef {object} State
 * @property {Phase} phase
 * @property {readonly Photo[]} photos
 * @property {boolean} camera it is taking frames
 * @property {number} rate r: blocks along each side of a map
 * @property {number} seconds
 * @property {string} notice one sentence about the images, "" when all is well
 * @property {string} error one sentence about the training, "" when all is well
 * @property {string} unteachable why nothing can be taught on this page, "" where it can
 * @property {number} threads
 * @property {number} trainedOn
 * @property {number} heldOut
 * @property {number} imagesPerSecond
 * @property {readonly { busySeconds: number, epochs: number, loss: number }[]} losses
 * @property {readonly import("daad/train").Rebuilt[]} rebuilt
 * @property {Uint8Array<ArrayBuffer> | null} weights of the model that came of it
 *
 * @typedef {{ type: "added", photos: readonly Photo[], notice?: string }
 *   | { type: "removed", id: number }
 *   | { type: "cleared" }
 *   | { type: "noticed", notice: string }
 *   | { type: "camera", camera: boolean }
 *   | { type: "rate", rate: number }
 *   | { type: "duration", seconds: number }
 *   | { type: "started" }
 *   | { type: "engine", threads: number }
 *   | { type: "paused" }
 *   | { type: "resumed" }
 *   | { type: "given-up" }
 *   | { type: "finished", weights: Uint8Array<ArrayBuffer> }
 *   | { type: "failed", message: string }
 *   | import("daad/train").TrainingEvent} Event
 */

import { sentence } from "../format.js";

/** With fewer, there is not enough to learn from, and the threshold would be set by a single image. */
export const FEWEST = 8;
export const ENOUGH = 20;

/** More than a minute or three can look at often enough. */
export const MOST = 400;

export const RATES = [2, 4, 8];
export const DURATIONS_S = [60, 180];

/** @type {Readonly<State>} */
export const INITIAL = {
  phase: "collecting",
  photos: [],
  camera: false,
  rate: 4,
  seconds: 60,
  notice: "",
  error: "",
  unteachable: "",
  threads: 1,
  trainedOn: 0,
  heldOut: 0,
  imagesPerSecond: 0,
  losses: [],
  rebuilt: [],
  weights: null,
};

const NOTHING_LEARNT = { error: "", imagesPerSecond: 0, losses: [], rebuilt: [], weights: null };

/**
 * @param {State} state
 * @param {Event} event
 * @returns {State}
 */
export function reduce(state, event) {
  switch (event.type) {
    case "added": {
      const photos = [...state.photos, ...event.photos].slice(0, MOST);
      const left = state.photos.length + event.photos.length - photos.length;
      const notice = event.notice ?? "";
      return { ...state, photos, notice: notice || (left > 0 ? `${MOST} images are the most that it learns from: ${left} were left out.` : "") };
    }
    case "removed":
      return { ...state, photos: state.photos.filter(({ id }) => id !== event.id), notice: "" };
    case "cleared":
      return { ...state, photos: [], notice: "" };
    case "noticed":
      return { ...state, notice: event.notice };
    case "camera":
      return { ...state, camera: event.camera, notice: "" };
    case "rate":
      return { ...state, rate: event.rate };
    case "duration":
      return { ...state, seconds: event.seconds };
    case "started":
      return { ...state, ...NOTHING_LEARNT, phase: "loading", camera: false, notice: "" };
    case "engine":
      return { ...state, threads: event.threads };
    case "begun":
      return { ...state, phase: "learning", trainedOn: event.trainedOn, heldOut: event.heldOut };
    case "learned":
      return { ...state, losses: [...state.losses, { busySeconds: event.busySeconds, epochs: event.epochs, loss: event.loss }], imagesPerSecond: event.imagesPerSecond };
    case "rebuilt":
      return { ...state, rebuilt: event.rebuilt };
    case "paused":
      return state.phase === "learning" ? { ...state, phase: "paused" } : state;
    case "resumed":
      return state.phase === "paused" ? { ...state, phase: "learning" } : state;
    case "finishing":
      return { ...state, phase: "finishing" };
    case "finished":
      return { ...state, phase: "done", weights: event.weights };
    case "given-up":
      return { ...state, ...NOTHING_LEARNT, phase: "collecting" };
    case "failed":
      return { ...state, phase: "collecting", error: why(event.message, state.photos) };
  }
}

/** Whether it is at work, so that images and choices must stay. @param {State} state */
export function isBusy({ phase }) {
  return phase !== "collecting" && phase !== "done";
}

/**
 * Why it cannot begin, as a sentence; "" where it can.
 * @param {State} state
 */
export function obstacle({ unteachable, photos: { length } }) {
  if (unteachable) return unteachable;
  if (length >= FEWEST) return "";
  return `It needs at least ${FEWEST} images, and has ${length || "none"}: some are held out to set the threshold, and from fewer it learns them by heart instead of what they share.`;
}

/** Seconds until it is done; null before that is known. @param {State} state */
export function secondsLeft({ seconds, losses }) {
  const last = losses.at(-1);
  return last ? Math.max(0, seconds - last.busySeconds) : null;
}

/**
 * What goes on, in a sentence or two. It changes with the phase alone, for it is read aloud.
 * @param {State} state
 */
export function message(state) {
  if (state.error || state.unteachable) return state.error || state.unteachable;
  switch (state.phase) {
    case "collecting":
      if (state.photos.length === 0) return "Give it images of what is good, all of one kind and taken alike. It must not see a defect.";
      return obstacle(state) || (state.photos.length < ENOUGH ? `It can begin. With ${ENOUGH} images or more the threshold is steadier.` : "It can begin.");
    case "loading":
      return "The engine that trains is on its way…";
    case "learning":
      return `It learns from ${state.trainedOn} images, and never from the ${state.heldOut} held out: as the loss falls, those below come out of the mist.`;
    case "paused":
      return "Paused.";
    case "finishing":
      return "It sets the threshold on the images held out…";
    case "done":
      return "It has learnt, and is now the model of this page. It has just judged one of your images; now give it one with a defect.";
  }
}

/**
 * @param {string} message the engine's
 * @param {readonly Photo[]} photos
 */
function why(message, photos) {
  if (/a loss became/.test(message)) return "The training went astray: the loss is no longer a number. Your images are still here: try again, or with more of them.";
  const [whole, number] = /^image (\d+): /.exec(message) ?? ["", ""];
  const name = photos[Number(number) - 1]?.name;
  return name ? `${name}: ${sentence(message.slice(whole.length))}` : sentence(message);
}
