/** What is trained in the page, and for how long: pure. */

/** The network of "The same with trained networks": small enough to learn within minutes on one core. */
export const PLAN = Object.freeze({ size_px: 64, scales: 2, base_width: 8, items: 64, batch_size: 8, learning_rate: 2e-3, flips: true, false_alarm_rate: 0.05, seed: 1 });

/** The engine holds these out to set the threshold by; it decides which. */
const HELD_OUT = 0.15;

/** The speed is measured on so many images: two whole batches, and those held out. */
export const TRIAL_IMAGES = 19;

/** What else takes time, such as pictures of how it goes. */
const OVERHEAD = 1.08;

/**
 * How many epochs fit into a time on this machine.
 * @param {number} images_per_s as measured
 * @param {number} images all of them, with those held out
 * @param {number} duration_s
 */
export function epochsFor(images_per_s, images, duration_s) {
  return Math.max(1, Math.round((images_per_s * duration_s) / OVERHEAD / (images * (1 - HELD_OUT))));
}
