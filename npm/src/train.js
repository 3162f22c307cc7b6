/** Trains a small model on images of normal things, in a worker. The images stay on this machine. */

import { compile, cpu, hasWorkers, probe, scriptAddress, workerAddress } from "#platform";
import { checkBackend, wish } from "./backend.js";
import { ownWorker } from "./connection/owned.js";
import { DaadError, Lost, TRAPPED, sentence, unpacked } from "./errors.js";
import { readImage } from "./image.js";
import { PLAN } from "./plan.js";

export { DaadError } from "./errors.js";

/** @typedef {import("./errors.js").ErrorCode} ErrorCode */
/** @typedef {import("./plan.js").Plan} Plan */
/** @typedef {import("./plan.js").Rebuilt} Rebuilt */
/** @typedef {import("./plan.js").TrainingEvent} TrainingEvent */

/** An engine that has not started after this time counts as failed. */
const PATIENCE_MS = 60_000;

const WHY_TRAPPED = "The engine stopped unexpectedly, perhaps for want of memory: try again, or with fewer images.";

/**
 * @typedef {object} TrainOwnOptions
 * @property {"auto" | import("./types.js").Backend} [backend] "auto" uses a real GPU if it trains faster than the CPU; a GPU that computes wrong values is not used
 * @property {number} [seconds] how long to train, not counting pauses; 60 without it
 * @property {string} [description] of the images, for the model's file
 * @property {AbortSignal} [signal] cancels the training run: the model's promise is rejected with the signal's reason
 * @property {(event: TrainingEvent) => void} [onProgress]
 */

/** The settings of the network are optional too; the default network learns within minutes on one core. @typedef {Partial<Plan> & TrainOwnOptions} TrainOptions */

/**
 * A training run in progress.
 * @typedef {object} Training
 * @property {Promise<Uint8Array<ArrayBuffer>>} model the model file, which `Detector.load` takes; fails with a `DaadError`, or with the signal's reason
 * @property {() => void} pause after the current step
 * @property {() => void} resume
 * @property {() => void} finish ends the training run early and makes a model of the network in its current state
 */

/**
 * Trains a model.
 * @param {readonly import("./types.js").ImageSource[]} images of normal things, at least two; some 30 % of them are held out to set the threshold
 * @param {TrainOptions} [options]
 * @returns {Training}
 */
export function train(images, options = {}) {
  const { model, tell } = startTrainer(images, options);
  model.catch(() => {}); // the caller that awaits it gets the error
  return { model, pause: () => tell("pause"), resume: () => tell("resume"), finish: () => tell("finish") };
}

/** Why this host or page cannot train, as a sentence; "" if it can. */
export function untrainable() {
  if (!hasWorkers) return "Training needs workers, which this host does not have.";
  if (!("learn-threads" in ENGINE_BYTES)) return "This package was built without the engine that trains.";
  // The CPU engine that trains is built with threads and needs shared memory, even if it has only one thread.
  return cpu().shares ? "" : "Training needs a page that the browser keeps apart from all others (COOP and COEP headers), and this one is not.";
}

/** The error for the caller. A training run is not restarted automatically. @param {Lost | DaadError} error */
function told(error) {
  return error instanceof Lost ? new DaadError("engine", error.message === TRAPPED ? WHY_TRAPPED : sentence(error)) : error;
}

/**
 * @param {readonly import("./types.js").ImageSource[]} images
 * @param {TrainOptions} options
 */
function startTrainer(images, { backend = "auto", seconds = 60, description = "", signal, onProgress = () => {}, ...plan }) {
  const downloads = new AbortController();
  /** @type {Set<import("./trainer.js").Trainer>} */
  const workers = new Set();
  /** The errors of workers that failed. @type {Map<import("./trainer.js").Trainer, DaadError>} */
  const lost = new Map();
  /** The worker that trains. @type {import("./trainer.js").Trainer | null} */
  let chosen = null;
  /** @type {(error: unknown) => void} */
  let giveUp = () => {};
  /** @type {import("./trainer.js").Order[]} the caller's orders before a worker was chosen */
  let early = [];

  const abort = () => giveUp(signal?.reason);

  function end() {
    downloads.abort();
    signal?.removeEventListener("abort", abort);
    for (const worker of workers) worker.end();
    chosen = null;
  }

  async function begin() {
    signal?.throwIfAborted();
    const reason = untrainable();
    if (reason) throw new DaadError("unsupported", reason);
    if (!Array.isArray(images)) throw new DaadError("argument", "train takes an array of images.");
    checkBackend(backend);
    if (!(seconds > 0)) throw new DaadError("argument", `Training takes more than ${seconds} seconds.`);
    const read = await Promise.all(images.map(readImage));
    const { engine, worker, note } = await choose({ plan: { ...PLAN, ...plan }, seconds, images: read, description });
    if (downloads.signal.aborted) return;
    for (const other of workers) if (other !== worker) other.end();
    const loss = lost.get(worker); // the worker failed while it waited for the order to train
    if (loss) throw loss;
    onProgress({ type: "engine", backend: engine.backend, threads: engine.threads, gpu: engine.gpu, note });
    chosen = worker;
    for (const order of /** @type {const} */ (["resume", ...early])) worker.post({ type: "trainer", order });
  }

  /**
   * Starts the engines that can train, and chooses the fastest. A small network may train faster on the CPU than on a GPU, because a GPU waits for each kernel launch.
   * @param {import("./trainer.js").Work} work
   * @returns {Promise<import("./trainer.js").Started & { note: string }>}
   */
  async function choose(work) {
    const gpu = backend === "wasm" || !("webgpu" in ENGINE_BYTES) ? null : await probe();
    const { wanted, note } = gpu ? wish(backend, gpu) : { wanted: false, note: "" };
    /** @type {import("./trainer.js").TrainingEngine} */
    const onCpu = { name: "learn-threads", backend: "wasm", threads: cpu().threads, gpu: "" };
    if (!gpu || !wanted) return { ...(await start(onCpu, work, false)), note };

    /** @type {import("./trainer.js").TrainingEngine} */
    const onGpu = { name: "webgpu", backend: "webgpu", threads: 1, gpu: gpu.name };
    const isOnTrial = backend === "auto";
    let first;
    try {
      first = await start(onGpu, work, isOnTrial);
    } catch (error) {
      downloads.signal.throwIfAborted();
      if (error instanceof DaadError && (error.code === "image" || error.code === "argument")) throw error; // it would fail on the CPU too
      return { ...(await start(onCpu, work, false)), note: `WebGPU was tried and did not work, so the CPU trains. The reason: ${sentence(error)}` };
    }
    const second = isOnTrial ? await start(onCpu, work, isOnTrial).catch(() => null) : null;
    return { ...(second && second.stepMs <= first.stepMs ? second : first), note };
  }

  /**
   * Starts an engine and begins a training run on it, which waits for the order to train.
   * @param {import("./trainer.js").TrainingEngine} engine
   * @param {import("./trainer.js").Work} work
   * @param {boolean} isOnTrial
   * @returns {Promise<import("./trainer.js").Started>}
   */
  async function start(engine, work, isOnTrial) {
    const { name, threads } = engine;
    const module = await compile(name, () => {}, downloads.signal);
    downloads.signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      /** @type {(error: Lost | DaadError) => void} */
      const fail = (error) => {
        clearTimeout(timer);
        worker.end();
        lost.set(worker, told(error));
        if (worker === chosen) giveUp(told(error));
        else reject(told(error));
      };
      const worker = ownWorker((message) => {
        if (message.type === "failed") return fail(unpacked(message.error));
        if (message.type !== "ready") return worker === chosen && receive(message);
        clearTimeout(timer);
        resolve({ engine, worker, stepMs: message.stepMs });
      }, fail);
      const timer = setTimeout(() => fail(new DaadError("engine", "The engine that trains did not start in time: try again.")), PATIENCE_MS);
      downloads.signal.addEventListener("abort", () => clearTimeout(timer)); // otherwise it would keep the program running
      workers.add(worker);
      worker.hold(true);
      worker.post({ type: "train", script: scriptAddress(name), worker: workerAddress(), channel: worker.channel, threads, module, ...work, isOnTrial });
    });
  }

  /** @type {(model: Uint8Array<ArrayBuffer>) => void} */
  let deliver = () => {};

  /** @param {any} message */
  function receive(message) {
    if (message.type === "finished") deliver(message.model);
    else onProgress(message);
  }

  /** @type {Promise<Uint8Array<ArrayBuffer>>} */
  const model = new Promise((resolve, reject) => {
    deliver = resolve;
    giveUp = reject;
  });
  signal?.addEventListener("abort", abort);
  begin().catch(giveUp);
  model.catch(() => {}).finally(end);

  return {
    model,
    /** @param {import("./trainer.js").Order} order */
    tell(order) {
      if (chosen) chosen.post({ type: "trainer", order });
      else early.push(order);
    },
  };
}
