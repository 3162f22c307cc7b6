/** What is trained in the page. */

/** The network of "The same with trained networks": small enough to learn within minutes on one core. */
export const PLAN = Object.freeze({ size_px: 64, scales: 2, base_width: 8, items: 64, batch_size: 8, learning_rate: 2e-3, flips: true, false_alarm_rate: 0.05, seed: 1 });
