/** Trains a small model on images of normal things, in a worker. The images stay on this machine. */

import { compile, cpu, hasWorkers, scriptAddress, workerAddress } from "#platform";
import { ownWorker } from "./connection/owned.js";
import { DaadError, Lost, TRAPPED, sentence, unpacked } from "./errors.js";
import { readImage } from "./image.js";
import { PLAN } from "./plan.js";

export { DaadError } from "./errors.js";

/** @typedef {import("./errors.js").ErrorCode} ErrorCode */
/** @typedef {import("./plan.js").Plan} Plan */
/** @typedef {import("./plan.js").Rebuilt} Rebuilt */
/** @typedef {import("./plan.js").TrainingEvent} TrainingEvent */

/** An engine that has not started after this long never will. */
const PATIENCE_MS = 60_000;

const WHY_TRAPPED = "The engine stopped unexpectedly, perhaps for want of memory: try again, or with fewer images.";

/**
 * @typedef {object} TrainOwnOptions
 * @property {number} [seconds] how long to train, not counting pauses; 60 without it
 * @property {string} [description] of the images, for the model's file
 * @property {AbortSignal} [signal] gives up: the model's promise is rejected with the signal's reason
 * @property {(event: TrainingEvent) => void} [onProgress]
 */

/** The network may be chosen too; without it, it is one that learns within minutes on one core. @typedef {Partial<Plan> & TrainOwnOptions} TrainOptions */

/**
 * A training that is under way.
 * @typedef {object} Training
 * @property {Promise<Uint8Array<ArrayBuffer>>} model the model file, which `Detector.load` takes; fails with a `DaadError`, or with the signal's reason
 * @property {() => void} pause after the current step
 * @property {() => void} resume
 * @property {() => void} finish makes a model of the network as it is now, instead of at the end of the time
 */

/**
 * Trains a model.
 * @param {readonly import("./types.js").ImageSource[]} images of normal things, at least two; a fifth of them is held out to set the threshold
 * @param {TrainOptions} [options]
 * @returns {Training}
 */
export function train(images, options = {}) {
  const { model, tell } = startTrainer(images, options);
  model.catch(() => {}); // whoever awaits it is told
  return { model, pause: () => tell("pause"), resume: () => tell("resume"), finish: () => tell("finish") };
}

/** Why nothing can be trained here, as a sentence; "" where it can. */
export function untrainable() {
  if (!hasWorkers) return "Training needs workers, which this host does not have.";
  if (!("learn-threads" in ENGINE_BYTES)) return "This package was built without the engine that trains.";
  // The one engine that learns has threads, if only one, so it needs memory to share.
  return cpu().shares ? "" : "Training needs a page that the browser keeps apart from all others (COOP and COEP headers), and this one is not.";
}

/**
 * @param {readonly import("./types.js").ImageSource[]} images
 * @param {TrainOptions} options
 */
function startTrainer(images, { seconds = 60, description = "", signal, onProgress = () => {}, ...plan }) {
  const downloads = new AbortController();
  /** @type {ReturnType<typeof ownWorker> | null} */
  let worker = null;
  /** @type {(error: unknown) => void} */
  let giveUp = () => {};
  /** @type {import("./trainer.js").Order[]} what it was told before there was a worker */
  let early = [];

  const abort = () => giveUp(signal?.reason);

  function end() {
    downloads.abort();
    signal?.removeEventListener("abort", abort);
    worker?.end();
    worker = null;
  }

  async function begin() {
    signal?.throwIfAborted();
    const reason = untrainable();
    if (reason) throw new DaadError("unsupported", reason);
    if (!Array.isArray(images)) throw new DaadError("argument", "train takes an array of images.");
    if (!(seconds > 0)) throw new DaadError("argument", `Training takes more than ${seconds} seconds.`);
    const read = await Promise.all(images.map(readImage));
    const module = await compile("learn-threads", () => {}, downloads.signal);
    if (downloads.signal.aborted) return;
    const { threads } = cpu();
    onProgress({ type: "engine", threads });
    worker = ownWorker(receive, lose);
    worker.hold(true);
    timer = setTimeout(() => giveUp(new DaadError("engine", "The engine that trains did not start in time: try again.")), PATIENCE_MS);
    worker.post({ type: "train", script: scriptAddress("learn-threads"), worker: workerAddress(), channel: worker.channel, threads, module, plan: { ...PLAN, ...plan }, seconds, images: read, description });
    for (const order of early) worker.post({ type: "trainer", order });
  }

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {(model: Uint8Array<ArrayBuffer>) => void} */
  let deliver = () => {};

  /** A training is not begun anew by itself. @param {Lost | DaadError} error */
  function lose(error) {
    if (error instanceof Lost) giveUp(new DaadError("engine", error.message === TRAPPED ? WHY_TRAPPED : sentence(error)));
    else giveUp(error);
  }

  /** @param {any} message */
  function receive(message) {
    clearTimeout(timer);
    switch (message.type) {
      case "finished":
        return deliver(message.model);
      case "failed":
        return lose(unpacked(message.error));
      default:
        return onProgress(message);
    }
  }

  /** @type {Promise<Uint8Array<ArrayBuffer>>} */
  const model = new Promise((resolve, reject) => {
    deliver = resolve;
    giveUp = reject;
  });
  signal?.addEventListener("abort", abort);
  begin().catch(giveUp);
  model.catch(() => {}).finally(() => {
    clearTimeout(timer);
    end();
  });

  return {
    model,
    /** @param {import("./trainer.js").Order} order */
    tell(order) {
      if (worker) worker.post({ type: "trainer", order });
      else early.push(order);
    },
  };
}
