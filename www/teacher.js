/** The worker that learns: owns the engine that trains, and tells the page how it goes. Between any two steps it listens to the page. */

import { enlist, importScript, recruit } from "./engine.js";
import { explain } from "./parts.js";
import { TRIAL_IMAGES, epochsFor } from "./teach/plan.js";

/** @typedef {import("./protocol.js").TeachingRequest} Request */
/** @typedef {import("./protocol.js").TeachingReply} Reply */
/** @typedef {Extract<Request, { type: "start" }>} Start */

/** The page is told this often how it goes, and is shown images this often. */
const REPORT_MS = 250;
const PICTURES_MS = 1000;
const MOST_PICTURES = 3;

/** The first steps are slow: browsers compile what runs often once more. The speed is that of what comes after. */
const WARM_UP_MS = 1500;
const MEASURE_MS = 1500;

/** Resolves when no pause is wanted. */
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
  const { default: init, Teacher } = await importScript(script);
  const { memory } = await init({ module_or_path: module }).catch(explain);
  await Promise.all(crew.map((thread) => enlist(thread, { script, module, memory })));

  tell({ type: "measuring" });
  const trial = new Teacher({ ...plan, epochs: 1e5 }, images.slice(0, TRIAL_IMAGES));
  const images_per_s = await measure(trial);
  trial.free();
  const epochs = epochsFor(images_per_s, images.length, duration_s);
  const teacher = new Teacher({ ...plan, epochs }, images);
  tell({ type: "begun", epochs, trained_on: teacher.trainedOn, held_out: teacher.heldOut });
  await learn(teacher);
  tell({ type: "finishing" });
  tell({ type: "finished", weights: await teacher.finish(data) });
}

/** @param {import("./protocol.js").Teacher} teacher */
async function measure(teacher) {
  const steps = async (/** @type {number} */ time_ms) => {
    const begin = performance.now();
    for (;;) {
      const { epochs } = await teacher.step();
      const elapsed_ms = performance.now() - begin;
      if (elapsed_ms > time_ms) return { epochs, elapsed_ms };
    }
  };
  const before = await steps(WARM_UP_MS);
  const { epochs, elapsed_ms } = await steps(MEASURE_MS);
  return ((epochs - before.epochs) * teacher.trainedOn * 1000) / elapsed_ms;
}

/** @param {import("./protocol.js").Teacher} teacher */
async function learn(teacher) {
  /** Without pauses. */
  let busy_ms = 0;
  let reported_ms = -Infinity;
  let pictured_ms = -Infinity;
  /** @type {number[]} */
  let losses = [];
  for (let isFinished = false; !isFinished; ) {
    await breath();
    await going;
    if (isEnough) break;
    const begin = performance.now();
    const { loss, epochs, is_finished } = await teacher.step();
    isFinished = is_finished;
    losses.push(loss);
    if (isFinished || performance.now() - pictured_ms > PICTURES_MS) {
      pictured_ms = performance.now();
      tell({ type: "rebuilt", rebuilt: await rebuild(teacher) });
    }
    busy_ms += performance.now() - begin;
    if (isFinished || performance.now() - reported_ms > REPORT_MS) {
      reported_ms = performance.now();
      tell({ type: "learned", loss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length, epochs, images_per_s: (epochs * teacher.trainedOn * 1000) / busy_ms });
      losses = [];
    }
  }
}

/** @param {import("./protocol.js").Teacher} teacher */
async function rebuild(teacher) {
  const rebuilt = [];
  for (let index = 0; index < Math.min(MOST_PICTURES, teacher.heldOut); index++) rebuilt.push(await teacher.rebuild(index));
  return rebuilt;
}

const { port1, port2 } = new MessageChannel();

/** Lets the page's messages in. A timer would do too, but waits longer. */
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

// A panic inside the engine's own promises reaches nobody who awaits: it surfaces here, or as the worker's error event.
self.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  tell({ type: "crashed" });
});
