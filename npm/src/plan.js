/** What is trained, and what is told of it. */

/**
 * The network and its training, as the engine takes them.
 * @typedef {object} Plan
 * @property {number} size shorter side of the network's input in pixels; the longer one follows the shape of the first image, and images are resized to that
 * @property {number} scales L, of the feature maps
 * @property {number} baseWidth channels of the first scale
 * @property {number} memoryItems N, at each scale
 * @property {number} division r: blocks along each side of a map
 * @property {number} batchSize
 * @property {number} learningRate the initial learning rate; it falls to zero until the end
 * @property {boolean} flips whether mirror images are normal too
 * @property {number} falseAlarmRate share of normal images that the threshold may flag
 * @property {number} seed a whole number
 */

/** A network that is small enough to learn within minutes on one core. @type {Readonly<Plan>} */
export const PLAN = Object.freeze({ size: 64, scales: 2, baseWidth: 8, memoryItems: 64, division: 4, batchSize: 4, learningRate: 2e-3, flips: true, falseAlarmRate: 0.05, seed: 1 });

/** A held-out image and its reconstruction, both RGBA. @typedef {{ input: Uint8ClampedArray<ArrayBuffer>, reconstruction: Uint8ClampedArray<ArrayBuffer>, width: number, height: number }} Rebuilt */

/**
 * What is told of a training, in this order.
 * @typedef {{ type: "engine", backend: import("./types.js").Backend, threads: number, gpu: string, note: string }
 *   | { type: "begun", trainedOn: number, heldOut: number, meanImageError: number }
 *   | { type: "learned", loss: number, epochs: number, busySeconds: number, imagesPerSecond: number }
 *   | { type: "rebuilt", rebuilt: readonly Rebuilt[] }
 *   | { type: "finishing" }} TrainingEvent `note` says in a sentence why a GPU that was wanted does not train; the loss is the mean of the steps since the last event, `busySeconds` the time without pauses; a loss that is not below `meanImageError`, what the mean of the images makes, has learned nothing of the single image
 */
