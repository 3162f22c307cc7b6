/** Runs in the worker that trains. It owns the engine and reports the progress. Between two steps it handles its owner's messages. */

import { prepareEngine } from "./engine.js";
import { packed } from "./errors.js";

/** The time between two reports of progress, and between two sets of reconstructed images. */
const REPORT_MS = 250;
const PICTURES_MS = 1000;
const MOST_PICTURES = 3;

/** The steps of a trial. The first takes longer: a GPU's kernels are compiled. */
const TRIAL_STEPS = 3;

/** @typedef {import("./engine.js").Preparation & { module: WebAssembly.Module, plan: import("./plan.js").Plan, seconds: number, images: readonly import("./engine.js").EngineImage[], description: string, isOnTrial: boolean }} Orders */

/** The part of the orders that does not depend on the engine. @typedef {Pick<Orders, "plan" | "seconds" | "images" | "description">} Work */

/** @typedef {{ name: import("./engine.js").EngineName, backend: import("./types.js").Backend, threads: number, gpu: string }} TrainingEngine */

/** A worker that trains, as its owner sees it. @typedef {ReturnType<typeof import("./connection/owned.js").ownWorker>} Trainer */

/** A worker that is ready to train, and the shortest time of a step if the engine was on trial. @typedef {{ engine: TrainingEngine, worker: Trainer, stepMs: number }} Started */

/** An order of the owner. @typedef {"pause" | "resume" | "finish"} Order */

/** @typedef {(message: import("./plan.js").TrainingEvent | { type: "ready", stepMs: number } | { type: "finished", model: Uint8Array<ArrayBuffer> } | { type: "failed", error: ReturnType<typeof packed> }) => void} Tell */

/**
 * Prepares a training run at once. When it is ready, it reports this and waits for the order to train. On trial, it also reports how long a step takes.
 * @param {Orders} orders
 * @param {Tell} tell
 */
export function createTrainer(orders, tell) {
  let resume = () => {};
  /** Resolves when the training is not paused. @type {Promise<void>} */
  let going = new Promise((resolve) => (resume = resolve));
  let isPaused = true; // until the order to train
  let isEnough = false;

  async function run() {
    const engine = await (await prepareEngine(orders)).start(orders.module);
    const training = await engine.Training.begin(orders.plan, orders.images);
    tell({ type: "ready", stepMs: orders.isOnTrial ? await timeSteps(training) : 0 });
    await going;
    tell({ type: "begun", trainedOn: training.trainedOn, heldOut: training.heldOut, meanImageError: training.meanImageError });
    await train(training, orders.seconds * 1000);
    tell({ type: "finishing" });
    tell({ type: "finished", model: await training.finish(orders.description) });
  }

  /**
   * Trains for `durationMs`, not counting pauses. The learning rate depends on the elapsed time, so a slow machine does fewer epochs but also ends with a
   * small learning rate.
   * @param {import("./engine.js").EngineTraining} training
   * @param {number} durationMs
   */
  async function train(training, durationMs) {
    let busyMs = 0;
    let reportedMs = -Infinity;
    let picturedMs = -Infinity;
    /** @type {number[]} */
    let losses = [];
    while (busyMs < durationMs) {
      await breath();
      await going;
      if (isEnough) break;
      const begin = performance.now();
      const { loss, epochs } = await training.step(busyMs / durationMs);
      losses.push(loss);
      const isLast = busyMs + performance.now() - begin >= durationMs;
      if (isLast || performance.now() - picturedMs > PICTURES_MS) {
        picturedMs = performance.now();
        tell({ type: "rebuilt", rebuilt: await rebuild(training) });
      }
      busyMs += performance.now() - begin;
      if (isLast || performance.now() - reportedMs > REPORT_MS) {
        reportedMs = performance.now();
        const loss = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
        tell({ type: "learned", loss, epochs, busySeconds: busyMs / 1000, imagesPerSecond: (epochs * training.trainedOn * 1000) / busyMs });
        losses = [];
      }
    }
  }

  run().catch((error) => tell({ type: "failed", error: packed(error) }));

  return {
    /** @param {Order} order */
    tell(order) {
      if (order === "pause" && !isPaused) going = new Promise((resolve) => (resume = resolve));
      isPaused = order === "pause";
      if (order === "finish") isEnough = true;
      if (order !== "pause") resume();
    },
  };
}

/**
 * The shortest time of a step, in ms.
 * @param {import("./engine.js").EngineTraining} training
 */
async function timeSteps(training) {
  let shortest = Infinity;
  for (let step = 0; step < TRIAL_STEPS; step++) {
    const begin = performance.now();
    await training.step(0);
    shortest = Math.min(shortest, performance.now() - begin);
  }
  return shortest;
}

/** @param {import("./engine.js").EngineTraining} training */
async function rebuild(training) {
  const rebuilt = [];
  for (let index = 0; index < Math.min(MOST_PICTURES, training.heldOut); index++) rebuilt.push(await training.rebuild(index));
  return rebuilt;
}

/** Waits until the owner's messages are handled. A timer would wait longer, and in Node a message channel to itself would be handled before the owner's messages. */
const breath = typeof setImmediate === "function" ? () => new Promise((resolve) => setImmediate(resolve)) : messaged();

function messaged() {
  const { port1, port2 } = new MessageChannel();
  return () =>
    new Promise((resolve) => {
      port1.onmessage = resolve;
      port2.postMessage(null);
    });
}
