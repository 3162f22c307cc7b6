import { gap as between } from "../gap.js";

/**
 * The state of the demonstration of Fig. 5, with models that differ only in their block size, and how each event changes it. The functions are pure, so they are tested without a browser.
 *
 * @typedef {import("../../shared/types.js").Label} Label
 * @typedef {{ file: string, label: Label, title: string }} Sample
 *
 * @typedef {object} Listed one kind of images in `series.json`
 * @property {string} name of the kind, also in the names of its models
 * @property {string} title for people
 * @property {string} one the word for the subject of an image
 * @property {string} many the same in the plural
 * @property {number} height of the networks' images, in pixels
 * @property {number} width
 * @property {number} first r of the first model to show
 * @property {string} learned a sentence: which networks have learned what
 * @property {string} note a sentence about the images
 * @property {Sample[]} samples
 *
 * @typedef {Listed & { rates: readonly number[] }} Kind `rates`: r of each model, the number of blocks along each side of a map, the smallest blocks first, as in Fig. 1
 *
 * @typedef {object} Rebuilt one model's reconstruction of one image
 * @property {number} error as a share of the largest possible error; see `gap.js`
 * @property {Uint8ClampedArray<ArrayBuffer>} reconstruction RGBA
 * @property {Float32Array<ArrayBuffer>} errorMap
 * @property {number} width
 * @property {number} height
 *
 * @typedef {object} State
 * @property {readonly Kind[]} kinds
 * @property {string} kind name of the kind that is shown
 * @property {string} picked name of the image's file that is shown, without its folder
 * @property {number} rate r of the model that is shown
 * @property {ReadonlyMap<string, Rebuilt>} rebuilt by `key`
 * @property {string} error one sentence, "" if there is no error
 *
 * @typedef {{ type: "opened", kinds: readonly Kind[] }
 *   | { type: "kind", kind: string }
 *   | { type: "pick", file: string }
 *   | { type: "rate", rate: number }
 *   | { type: "rebuilt", rate: number, file: string, rebuilt: Rebuilt }
 *   | { type: "failed", message: string }
 *   | { type: "lost" }} Event
 */

/** A gap that is smaller than the widest one by at most this share counts as nearly as wide. */
const NEARLY = 0.2;

/** Before anything is downloaded. @type {Kind} */
const NO_KIND = { name: "", title: "", one: "", many: "images", height: 1, width: 1, first: 1, learned: "", note: "", samples: [], rates: [] };

/** @param {URLSearchParams} [address] @returns {State} */
export function initial(address = new URLSearchParams()) {
  return { kinds: [], kind: address.get("images") ?? "", picked: address.get("image") ?? "", rate: Number(address.get("r")), rebuilt: new Map(), error: "" };
}

/**
 * The part of the state that the address stores; null for initial values.
 * @param {State} state
 * @returns {Record<"images" | "image" | "r", string | null>}
 */
export function address(state) {
  const { name, samples, first } = kindOf(state);
  return {
    images: name === state.kinds[0]?.name ? null : name,
    image: state.picked === nameOf(firstOf(samples)) ? null : state.picked,
    r: state.rate === first ? null : String(state.rate),
  };
}

/**
 * @param {State} state
 * @param {Event} event
 * @returns {State}
 */
export function reduce(state, event) {
  switch (event.type) {
    case "opened": {
      const { kinds } = event;
      const kind = kinds.some(({ name }) => name === state.kind) ? state.kind : (kinds[0]?.name ?? "");
      return begun({ ...state, kinds, kind, error: "" });
    }
    case "kind":
      return begun({ ...state, kind: event.kind, picked: "", rate: NaN, error: "" });
    case "pick":
      return { ...state, picked: event.file };
    case "rate":
      return { ...state, rate: event.rate };
    case "rebuilt":
      return { ...state, rebuilt: new Map(state.rebuilt).set(key(event.rate, event.file), event.rebuilt), error: "" };
    case "failed":
      return { ...state, error: event.message };
    case "lost": // another engine reconstructs all images again
      return { ...state, rebuilt: new Map(), error: "" };
  }
}

/**
 * Chooses an image and a model of the current kind, if the state names others.
 * @param {State} state
 * @returns {State}
 */
function begun(state) {
  const { samples, rates, first } = kindOf(state);
  const picked = samples.some((sample) => nameOf(sample) === state.picked) ? state.picked : nameOf(firstOf(samples));
  const rate = [state.rate, first].find((rate) => rates.includes(rate)) ?? rates[0] ?? first;
  return { ...state, picked, rate };
}

/**
 * The kind that is shown.
 * @param {Pick<State, "kinds" | "kind">} state
 * @returns {Kind}
 */
export function kindOf({ kinds, kind }) {
  return kinds.find(({ name }) => name === kind) ?? NO_KIND;
}

/** A file's name without its folder; it is unique among all kinds. @param {Sample | undefined} sample */
export function nameOf(sample) {
  return sample?.file.replace(/^.*\//, "") ?? "";
}

/**
 * The first image to show: a defective one, because its error map shows more.
 * @param {readonly Sample[]} samples
 */
function firstOf(samples) {
  return samples.find(({ label }) => label === "defective") ?? samples[0];
}

/**
 * @param {number} rate
 * @param {string} file without its folder
 */
export function key(rate, file) {
  return `${rate} ${file}`;
}

/**
 * The next reconstruction to compute: first the picked image by the chosen model, then by the other models, then the other images.
 * @param {State} state
 * @returns {{ kind: string, rate: number, file: string } | undefined}
 */
export function next(state) {
  const { name: kind, rates, samples } = kindOf(state);
  const { picked, rate, rebuilt } = state;
  const byRate = [rate, ...rates.filter((other) => other !== rate)];
  const files = [picked, ...samples.map(nameOf).filter((file) => file !== picked)];
  for (const file of files) for (const rate of byRate) if (rates.includes(rate) && !rebuilt.has(key(rate, file))) return { kind, rate, file };
  return undefined;
}

/**
 * For each model, the largest error of a normal image and the smallest error of a defective one; null while not all images are reconstructed.
 * @param {State} state
 * @returns {Record<Label, (number | null)[]>}
 */
export function extremes(state) {
  const { rates, samples } = kindOf(state);
  const extreme = (/** @type {number} */ rate, /** @type {Label} */ label) => {
    const errors = samples.filter((sample) => sample.label === label).map((sample) => state.rebuilt.get(key(rate, nameOf(sample)))?.error ?? NaN);
    const found = label === "normal" ? Math.max(...errors) : Math.min(...errors);
    return Number.isFinite(found) ? found : null;
  };
  return { normal: rates.map((rate) => extreme(rate, "normal")), defective: rates.map((rate) => extreme(rate, "defective")) };
}

/**
 * The gap between the normal and the defective images, for each model.
 * @param {State} state
 * @returns {(number | null)[]}
 */
export function gaps(state) {
  const { normal, defective } = extremes(state);
  return normal.map((low, at) => {
    const high = defective[at] ?? null;
    return low === null || high === null ? null : between(low, high);
  });
}

/**
 * The gap of the current model.
 * @param {State} state
 * @returns {number | null}
 */
export function gap(state) {
  return gaps(state)[kindOf(state).rates.indexOf(state.rate)] ?? null;
}

/**
 * One or two sentences about the result at the current rate.
 * @param {State} state
 * @returns {string}
 */
export function lesson(state) {
  if (state.error) return state.error;
  const { rates, one, many } = kindOf(state);
  const all = gaps(state);
  const current = all[rates.indexOf(state.rate)] ?? null;
  if (current === null || all.some((gap) => gap === null)) return `The networks rebuild the ${many}…`;
  const most = Math.max(...all.map(Number));
  const widest = rates[all.indexOf(most)] ?? 0;
  if (current > 0 && current >= (1 - NEARLY) * most) {
    const how = state.rate === widest ? "The widest gap." : "The gap is nearly as wide as any.";
    return `${how} Blocks of this size hold what a normal ${one} is made of, so a defect is replaced by what was learned.`;
  }
  const result = current > 0 ? "The gap is small." : `No gap: a defective ${one} comes back better than a normal one, so no threshold tells them apart.`;
  if (state.rate < widest) return `Large blocks: no remembered one is laid like this ${one}, so normal ${many} come back wrong too. ${result}`;
  return `Small blocks: they fit together to almost anything, the defect too. ${result}`;
}

/**
 * The size of a block.
 * @param {Kind} kind
 * @param {number} rate
 */
export function blockSize({ height, width }, rate) {
  return [height, width].map((side) => Math.round((10 * side) / rate) / 10).join("×");
}

/**
 * @param {Kind} kind
 * @param {number} rate
 */
export function describe(kind, rate) {
  return `${blockSize(kind, rate).replace("×", " × ")} pixels, ${rate === 1 ? "1 block" : `${rate * rate} blocks`}`;
}
