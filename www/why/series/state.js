import { gap as between } from "../gap.js";

/**
 * What is known of models that differ in their block size alone: pure, so it is tested without a browser.
 *
 * @typedef {import("../../shared/types.js").Label} Label
 * @typedef {{ file: string, label: Label, title: string }} Sample
 * @typedef {{ title: string, attribution: string, samples: Sample[] }} Samples `floors/samples.json`
 *
 * @typedef {object} Rebuilt what one model makes of one image
 * @property {number} error share of the largest possible, as `gap.js` has it
 * @property {Uint8ClampedArray<ArrayBuffer>} reconstruction RGBA
 * @property {Float32Array<ArrayBuffer>} errorMap
 * @property {number} width
 * @property {number} height
 *
 * @typedef {object} State
 * @property {readonly number[]} rates r of each model, blocks along each side of a map: the smallest blocks first, as in the first lesson
 * @property {readonly Sample[]} samples
 * @property {string} picked file of the image that is shown
 * @property {number} rate r of the model that is shown
 * @property {ReadonlyMap<string, Rebuilt>} rebuilt by `key`
 * @property {string} error one sentence, "" when all is well
 *
 * @typedef {{ type: "opened", rates: readonly number[], samples: readonly Sample[] }
 *   | { type: "pick", file: string }
 *   | { type: "rate", rate: number }
 *   | { type: "rebuilt", rate: number, file: string, rebuilt: Rebuilt }
 *   | { type: "failed", message: string }
 *   | { type: "lost" }} Event
 */

/** Of a floor, in pixels. */
export const SIDE = 64;

/** A tile of these floors is a block. */
const FIRST_RATE = 4;

/** Gaps that differ by a smaller share of the widest one are told as equals. */
const NEARLY = 0.2;

/** @param {URLSearchParams} [address] @returns {State} */
export function initial(address = new URLSearchParams()) {
  return { rates: [], samples: [], picked: address.get("floor") ?? "", rate: Math.max(0, Math.trunc(Number(address.get("r")))) || FIRST_RATE, rebuilt: new Map(), error: "" };
}

/**
 * What of the state goes into the address: null for what is as it was at first.
 * @param {State} state
 * @returns {Record<"floor" | "r", string | null>}
 */
export function address({ samples, picked, rate }) {
  return { floor: picked === firstOf(samples)?.file ? null : picked, r: rate === FIRST_RATE ? null : String(rate) };
}

/**
 * @param {State} state
 * @param {Event} event
 * @returns {State}
 */
export function reduce(state, event) {
  switch (event.type) {
    case "opened": {
      const { rates, samples } = event;
      const picked = samples.some(({ file }) => file === state.picked) ? state.picked : (firstOf(samples)?.file ?? "");
      const rate = rates.includes(state.rate) ? state.rate : (rates[Math.floor(rates.length / 2)] ?? FIRST_RATE);
      return { ...state, rates, samples, picked, rate, error: "" };
    }
    case "pick":
      return { ...state, picked: event.file };
    case "rate":
      return { ...state, rate: event.rate };
    case "rebuilt":
      return { ...state, rebuilt: new Map(state.rebuilt).set(key(event.rate, event.file), event.rebuilt), error: "" };
    case "failed":
      return { ...state, error: event.message };
    case "lost": // by another engine everything is rebuilt anew
      return { ...state, rebuilt: new Map(), error: "" };
  }
}

/**
 * The image to begin with: a defective one shows more.
 * @param {readonly Sample[]} samples
 */
function firstOf(samples) {
  return samples.find(({ label }) => label === "defective") ?? samples[0];
}

/**
 * @param {number} rate
 * @param {string} file
 */
export function key(rate, file) {
  return `${rate} ${file}`;
}

/**
 * What is still to be done, first what is looked at: the picked image by the chosen model, then by the others, then the other images.
 * @param {State} state
 * @returns {{ rate: number, file: string } | undefined}
 */
export function next({ rates, samples, picked, rate, rebuilt }) {
  const byRate = [rate, ...rates.filter((other) => other !== rate)];
  const files = [picked, ...samples.map(({ file }) => file).filter((file) => file !== picked)];
  for (const file of files) for (const rate of byRate) if (rates.includes(rate) && !rebuilt.has(key(rate, file))) return { rate, file };
  return undefined;
}

/**
 * The error of the worst rebuilt normal image and of the best rebuilt defective one by each model: null where not all of them are rebuilt yet.
 * @param {State} state
 * @returns {Record<Label, (number | null)[]>}
 */
export function extremes({ rates, samples, rebuilt }) {
  const extreme = (/** @type {number} */ rate, /** @type {Label} */ label) => {
    const errors = samples.filter((sample) => sample.label === label).map(({ file }) => rebuilt.get(key(rate, file))?.error ?? NaN);
    const found = label === "normal" ? Math.max(...errors) : Math.min(...errors);
    return Number.isFinite(found) ? found : null;
  };
  return { normal: rates.map((rate) => extreme(rate, "normal")), defective: rates.map((rate) => extreme(rate, "defective")) };
}

/**
 * Between the normal and the defective images, by the model of this rate.
 * @param {State} state
 * @param {number} rate
 * @returns {number | null}
 */
export function gap(state, rate) {
  const { normal, defective } = extremes(state);
  const at = state.rates.indexOf(rate);
  const [low, high] = [normal[at] ?? null, defective[at] ?? null];
  return low === null || high === null ? null : between(low, high);
}

/**
 * What there is to see at a rate, in one or two sentences.
 * @param {State} state
 * @returns {string}
 */
export function lesson(state) {
  if (state.error) return state.error;
  const current = gap(state, state.rate);
  const gaps = state.rates.map((rate) => gap(state, rate));
  if (current === null || gaps.some((gap) => gap === null)) return "The networks rebuild the floors…";
  const widest = state.rates[gaps.indexOf(Math.max(...gaps.map(Number)))];
  if (current >= (1 - NEARLY) * Math.max(...gaps.map(Number))) {
    const how = state.rate === widest ? "The widest gap." : "The gap is nearly as wide as any.";
    return `${how} Blocks of this size hold what a normal floor is made of; one with a defect comes back as a mixture of others.`;
  }
  const result = current > 0 ? "The gap is small." : "No gap: no threshold tells them apart.";
  if (state.rate < (widest ?? 0)) return `Large blocks: no remembered one is laid like this floor, so normal floors come back wrong too. ${result}`;
  return `Small blocks: they fit together to almost anything, the defect too. ${result}`;
}

/** @param {number} rate */
export function describe(rate) {
  const side = SIDE / rate;
  return `${side} × ${side} pixels, ${rate === 1 ? "1 block" : `${rate * rate} blocks`}`;
}
