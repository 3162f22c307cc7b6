/** The work of the worker that trains: it owns the engine that learns, and tells of its progress. Between two steps it listens to its owner. */

import { prepareEngine } from "./engine.js";
import { packed } from "./errors.js";

/** The time between two reports of progress, and between two sets of reconstructed images. */
const REPORT_MS = 250;
const PICTURES_MS = 1000;
const MOST_PICTURES = 3;

/** @typedef {import("./engine.js").Preparation & { module: WebAssembly.Module, plan: import("./plan.js").Plan, seconds: number, images: readonly import("./engine.js").EngineImage[], description: string }} Orders */

/** What its owner wants. @typedef {"pause" | "resume" | "finish"} Order */

/** @typedef {(message: import("./plan.js").TrainingEvent | { type: "finished", model: Uint8Array<ArrayBuffer> } | { type: "failed", error: ReturnType<typeof packed> }) => void} Tell */

/**
 * Begins at once.
 * @param {Orders} orders
 * @param {Parameters<typeof prepareEngine>[1]} spawn
 * @param {Tell} tell
 */
export function createTrainer(orders, spawn, tell) {
  /** Resolves when the training is not paused. */
  let going = Promise.resolve();
  let resume = () => {};
  let isEnough = false;

  async function run() {
    const engine = await (await prepareEngine(orders, spawn)).start(orders.module);
    const training = new engine.Training(orders.plan, orders.images);
    tell({ type: "begun", trainedOn: training.trainedOn, heldOut: training.heldOut, meanImageError: training.meanImageError });
    await train(training, orders.seconds * 1000);
    tell({ type: "finishing" });
    tell({ type: "finished", model: await training.finish(orders.description) });
  }

  /**
   * Trains for `durationMs`, not counting pauses. The learning rate falls with the time, so a slow machine does fewer epochs, but also ends with
   * small steps.
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
      if (order === "pause") going = new Promise((resolve) => (resume = resolve));
      if (order === "finish") isEnough = true;
      if (order !== "pause") resume();
    },
  };
}

/** @param {import("./engine.js").EngineTraining} training */
async function rebuild(training) {
  const rebuilt = [];
  for (let index = 0; index < Math.min(MOST_PICTURES, training.heldOut); index++) rebuilt.push(await training.rebuild(index));
  return rebuilt;
}

/** Waits so that the owner's messages are handled. A timer would wait longer, and in Node a message to itself comes before all others. */
const breath = typeof setImmediate === "function" ? () => new Promise((resolve) => setImmediate(resolve)) : messaged();

function messaged() {
  const { port1, port2 } = new MessageChannel();
  return () =>
    new Promise((resolve) => {
      port1.onmessage = resolve;
      port2.postMessage(null);
    });
}
