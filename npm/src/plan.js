/** The settings of a training run, and the events that report its progress. */

/**
 * The settings of the network and of its training run, as the engine takes them.
 * @typedef {object} Plan
 * @property {number} size shorter side of the network's input in pixels; the longer one follows the shape of the first image, and images are resized to that
 * @property {number} scales L, of the feature maps
 * @property {number} baseWidth channels of the first scale
 * @property {number} memoryItems N, at each scale
 * @property {number} division r: blocks along each side of a map
 * @property {number} batchSize
 * @property {number} learningRate the initial learning rate; it falls to zero at the end
 * @property {boolean} flips whether mirror images are normal too
 * @property {number} shift the largest number of pixels by which images are shifted at random along each axis, so that a thing need not lie exactly where it lay in another image
 * @property {number} falseAlarmRate share of normal images that the threshold may flag
 * @property {number} seed a whole number
 */

/** A network that is small enough to learn within minutes on one core. @type {Readonly<Plan>} */
export const PLAN = Object.freeze({ size: 64, scales: 2, baseWidth: 8, memoryItems: 64, division: 4, batchSize: 2, learningRate: 4e-3, flips: true, shift: 2, falseAlarmRate: 0.05, seed: 1 });

/** A held-out image and its reconstruction, both RGBA. @typedef {{ input: Uint8ClampedArray<ArrayBuffer>, reconstruction: Uint8ClampedArray<ArrayBuffer>, width: number, height: number }} Rebuilt */

/**
 * The events of a training run.
 * @typedef {{ type: "engine", backend: import("./types.js").Backend, threads: number, gpu: string, note: string }
 *   | { type: "begun", trainedOn: number, heldOut: number, meanImageError: number }
 *   | { type: "learned", loss: number, epochs: number, busySeconds: number, imagesPerSecond: number }
 *   | { type: "rebuilt", rebuilt: readonly Rebuilt[] }
 *   | { type: "finishing" }} TrainingEvent `note` is a sentence that says why a wanted GPU is not used. `loss` is the mean of the steps since the last event, `busySeconds` the time without pauses. `meanImageError` is the error of the mean image as the reconstruction of each image; while the loss is not below it, the network has learned nothing about single images
 */
