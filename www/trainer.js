/** The worker that trains: it owns the engine for training, and reports progress to the page. Between two steps it handles messages of the page. */

import { enlist, importScript, recruit } from "./engine.js";
import { explain } from "./parts.js";

/** @typedef {import("./protocol.js").TeachingRequest} Request */
/** @typedef {import("./protocol.js").TeachingReply} Reply */
/** @typedef {Extract<Request, { type: "start" }>} Start */

/** The time between two reports of progress to the page, and between two sets of reconstructed images. */
const REPORT_MS = 250;
const PICTURES_MS = 1000;
const MOST_PICTURES = 3;

/** Resolves when the training is not paused. */
let going = Promise.resolve();
let resume = () => {};
let isEnough = false;

/** @param {Reply} reply */
function tell(reply) {
  self.postMessage(reply);
}

/** @param {Start} request */
async function start({ script, module, threads, plan, duration_s, images, data }) {
  const crew = recruit(threads - 1);
  const { default: init, Training } = await importScript(script);
  const { memory } = await init({ module_or_path: module }).catch(explain);
  await Promise.all(crew.map((thread) => enlist(thread, { script, module, memory })));

  const training = new Training(plan, images);
  tell({ type: "begun", trained_on: training.trainedOn, held_out: training.heldOut });
  await train(training, duration_s * 1000);
  tell({ type: "finishing" });
  tell({ type: "finished", weights: await training.finish(data) });
}

/**
 * Trains for `duration_ms`, not counting pauses. The learning rate falls with the time, so a slow machine does fewer epochs, but also ends with small steps.
 * @param {import("./protocol.js").Training} training
 * @param {number} duration_ms
 */
async function train(training, duration_ms) {
  let busy_ms = 0;
  let reported_ms = -Infinity;
  let pictured_ms = -Infinity;
  /** @type {number[]} */
  let losses = [];
  while (busy_ms < duration_ms) {
    await breath();
    await going;
    if (isEnough) break;
    const begin = performance.now();
    const { loss, epochs } = await training.step(busy_ms / duration_ms);
    losses.push(loss);
    const isLast = busy_ms + performance.now() - begin >= duration_ms;
    if (isLast || performance.now() - pictured_ms > PICTURES_MS) {
      pictured_ms = performance.now();
      tell({ type: "rebuilt", rebuilt: await rebuild(training) });
    }
    busy_ms += performance.now() - begin;
    if (isLast || performance.now() - reported_ms > REPORT_MS) {
      reported_ms = performance.now();
      const loss = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
      tell({ type: "learned", loss, epochs, busy_s: busy_ms / 1000, images_per_s: (epochs * training.trainedOn * 1000) / busy_ms });
      losses = [];
    }
  }
}

/** @param {import("./protocol.js").Training} training */
async function rebuild(training) {
  const rebuilt = [];
  for (let index = 0; index < Math.min(MOST_PICTURES, training.heldOut); index++) rebuilt.push(await training.rebuild(index));
  return rebuilt;
}

const { port1, port2 } = new MessageChannel();

/** Waits so that messages of the page are handled. A timer would wait longer. */
function breath() {
  return new Promise((resolve) => {
    port1.onmessage = resolve;
    port2.postMessage(null);
  });
}

/** @param {unknown} error */
function fail(error) {
  if (error instanceof WebAssembly.RuntimeError) tell({ type: "crashed" });
  else tell({ type: "failed", message: error instanceof Error ? error.message : String(error) });
}

self.addEventListener("message", (/** @type {MessageEvent<Request>} */ { data }) => {
  switch (data.type) {
    case "start":
      return void start(data).catch(fail);
    case "pause":
      going = new Promise((resolve) => (resume = resolve));
      return;
    case "resume":
      return resume();
    case "finish":
      isEnough = true;
      return resume();
  }
});

// A panic inside the engine's own promises does not reject an awaited promise. It is reported here, or as the worker's error event.
self.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  tell({ type: "crashed" });
});
