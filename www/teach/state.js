/**
 * The state of a training run in the page, from the images to the finished model, and how each event changes it. The functions are pure, so they are tested without a browser.
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
 * @property {boolean} camera whether the camera is taking frames
 * @property {number} rate r: blocks along each side of a map
 * @property {boolean} isTexture whether the images are pieces of one picture of a texture; then their mirror images are normal too
 * @property {number} seconds
 * @property {string} notice one sentence about the images, "" if there is nothing to say
 * @property {string} error one sentence about the training run, "" if there is no error
 * @property {string} unteachable why this page cannot train, "" if it can
 * @property {string} trainer what the network trains on: "the GPU", or the number of threads
 * @property {string} engineNote why the training run does not use the GPU although one was wanted, "" otherwise
 * @property {number} trainedOn
 * @property {number} heldOut
 * @property {number} meanImageError the error of the mean of the images as the reconstruction of each image
 * @property {number} imagesPerSecond
 * @property {readonly { busySeconds: number, epochs: number, loss: number }[]} losses
 * @property {readonly import("daad/train").Rebuilt[]} rebuilt
 * @property {Uint8Array<ArrayBuffer> | null} weights of the trained model
 * @property {readonly Tested[]} tested images that the trained model has judged, with the visitor's labels
 *
 * @typedef {{ label: import("../shared/types.js").Label, name: string, verdict: import("../shared/types.js").Verdict, score: number, picture: Pick<import("../shared/types.js").Detection, "input" | "heatMap" | "width" | "height"> }} Tested
 *
 * @typedef {{ type: "added", photos: readonly Photo[], notice?: string, isTexture?: boolean }
 *   | { type: "removed", id: number }
 *   | { type: "cleared" }
 *   | { type: "noticed", notice: string }
 *   | { type: "camera", camera: boolean }
 *   | { type: "rate", rate: number }
 *   | { type: "duration", seconds: number }
 *   | { type: "started" }
 *   | { type: "paused" }
 *   | { type: "resumed" }
 *   | { type: "given-up" }
 *   | { type: "finished", weights: Uint8Array<ArrayBuffer> }
 *   | { type: "failed", message: string }
 *   | { type: "again" }
 *   | { type: "tested", tested: Tested }
 *   | import("daad/train").TrainingEvent} Event
 */

import { sentence } from "../shared/format.js";

/** The smallest number of images. Fewer are too few to learn from, and to set a threshold with those that are held out. */
export const FEWEST = 8;
export const ENOUGH = 20;

/** The largest number of images. Of more images, a training run of one to three minutes would see each too rarely. */
export const MOST = 400;

export const RATES = [2, 4, 8];

/** The default r. In images of an object, a large block holds a part of the object; in a texture, a medium block holds the pattern that repeats. */
const RATE_OF_THINGS = 2;
const RATE_OF_TEXTURES = 4;
export const DURATIONS_S = [60, 180];

/** @type {Readonly<State>} */
export const INITIAL = {
  phase: "collecting",
  photos: [],
  camera: false,
  rate: RATE_OF_THINGS,
  isTexture: false,
  seconds: 60,
  notice: "",
  error: "",
  unteachable: "",
  trainer: "",
  engineNote: "",
  trainedOn: 0,
  heldOut: 0,
  meanImageError: 0,
  imagesPerSecond: 0,
  losses: [],
  rebuilt: [],
  weights: null,
  tested: [],
};

const NOTHING_LEARNT = { error: "", imagesPerSecond: 0, losses: [], rebuilt: [], weights: null, tested: [] };

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
      const isTexture = event.isTexture ?? false;
      const kind = state.photos.length > 0 || photos.length === 0 ? {} : { isTexture, rate: isTexture ? RATE_OF_TEXTURES : RATE_OF_THINGS };
      return { ...state, ...kind, photos, notice: notice || (left > 0 ? `${MOST} images are the most that it learns from: ${left} were left out.` : "") };
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
      return { ...state, trainer: event.backend === "webgpu" ? "the GPU" : event.threads === 1 ? "one thread" : `${event.threads} threads`, engineNote: event.note };
    case "begun":
      return { ...state, phase: "learning", trainedOn: event.trainedOn, heldOut: event.heldOut, meanImageError: event.meanImageError };
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
    case "again":
      return { ...state, phase: "collecting", notice: "" };
    case "tested":
      return { ...state, tested: [...state.tested, event.tested] };
    case "failed":
      return { ...state, phase: "collecting", error: why(event.message, state.photos) };
  }
}

/**
 * Why images that are dropped on the view are not added to the training images; "" if they are added.
 * @param {Pick<State, "phase">} state
 */
export function whyNotTaken({ phase }) {
  if (phase === "collecting") return "";
  return phase === "done" ? "Drop it on “good ones” or on “bad ones”, so that it can be counted." : "It is at work: more images can be given once it is done.";
}

/** Whether a training run is in progress, so that images and settings must not change. @param {State} state */
export function isBusy({ phase }) {
  return phase !== "collecting" && phase !== "done";
}

/**
 * Why the training run cannot begin, as a sentence; "" if it can.
 * @param {State} state
 */
export function obstacle({ unteachable, photos: { length } }) {
  if (unteachable) return unteachable;
  if (length >= FEWEST) return "";
  return `It needs at least ${FEWEST} images, and has ${length || "none"}: some are held out to set the threshold, and from fewer it learns them by heart instead of what they share.`;
}

/** Whether the model judges a test image as the visitor does. @param {Pick<Tested, "label" | "verdict">} tested */
export function isRight({ label, verdict }) {
  return (label === "normal") === (verdict === "normal");
}

/**
 * The verdict on a test image, beside what it is.
 * @param {Tested["label"]} label
 * @param {Tested["verdict"]} verdict
 */
export function outcome(label, verdict) {
  const [image, passed, flagged] = label === "normal" ? ["good", "passed", "flagged"] : ["bad", "missed", "caught"];
  return `${image}: ${verdict === "normal" ? passed : flagged}${verdict === "unfamiliar" ? ", unlike all it learned" : ""}`;
}

/**
 * How many of the test images the model gets right, and what to do if it gets too many wrong.
 * @param {State} state
 */
export function tally({ tested, seconds }) {
  const of = (/** @type {Tested["label"]} */ label) => tested.filter((one) => one.label === label);
  const [good, bad] = [of("normal"), of("defective")];
  const [flagged, missed] = [good, bad].map((images) => images.filter((one) => !isRight(one)).length);
  const parts = [];
  if (bad.length > 0) parts.push(`It catches ${bad.length - missed} of ${bad.length} bad ones.`);
  if (good.length > 0) parts.push(`It flags ${flagged} of ${good.length} good ones.`);
  const isWeak = missed > 0.1 * bad.length || flagged > 0.1 * good.length;
  const longest = Math.max(...DURATIONS_S);
  if (isWeak) parts.push(seconds < longest ? "Teach it again, for longer, or with more good ones." : "Teach it again with more good ones, taken more alike.");
  return parts.join(" ");
}

/** Whether the network reconstructs better than the mean of all images would. @param {State} state */
export function hasLearned({ losses, meanImageError }) {
  return (losses.at(-1)?.loss ?? 0) < meanImageError || meanImageError === 0;
}

/** The seconds until training ends; null before the first report. @param {State} state */
export function secondsLeft({ seconds, losses }) {
  const last = losses.at(-1);
  return last ? Math.max(0, seconds - last.busySeconds) : null;
}

/**
 * The current state in one or two sentences. The text changes only with the phase and at the first test, because a screen reader reads each change.
 * @param {State} state
 */
export function message(state) {
  if (state.error || state.unteachable) return state.error || state.unteachable;
  switch (state.phase) {
    case "collecting":
      if (state.photos.length === 0) return "Give it images of what is good, all of one kind and taken alike. It must not see a defect.";
      return obstacle(state) || (state.photos.length < ENOUGH ? `Press Teach to begin. With ${ENOUGH} images or more the threshold is steadier.` : "Press Teach to begin.");
    case "loading":
      return "The engine that trains is on its way…";
    case "learning":
      return `It learns from ${state.trainedOn} images. ${state.heldOut} more are held out: the better it has learned, the more clearly it rebuilds them, too.`;
    case "paused":
      return "Paused.";
    case "finishing":
      return "It sets the threshold on the images held out…";
    case "done":
      if (!hasLearned(state)) return "It has not learned to rebuild yet: its error is not below that of the mean of all images. Teach it again, for longer.";
      return `It has learned from ${state.trainedOn} images. ${state.tested.length > 0 ? "What it says of those it had not seen is below." : "Now test it with images it has not seen, good ones and bad ones."}`;
  }
}

/**
 * @param {string} message the engine's error message
 * @param {readonly Photo[]} photos
 */
function why(message, photos) {
  if (/a loss became/.test(message)) return "The training went astray: the loss is no longer a number. Your images are still here: try again, or with more of them.";
  const [whole, number] = /^image (\d+): /.exec(message) ?? ["", ""];
  const name = photos[Number(number) - 1]?.name;
  return name ? `${name}: ${sentence(message.slice(whole.length))}` : sentence(message);
}
