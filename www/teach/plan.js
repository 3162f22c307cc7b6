/** What is trained in the page. */

/** The network of "The same with trained networks": small enough to learn within minutes on one core. */
export const PLAN = Object.freeze({ size: 64, scales: 2, baseWidth: 8, memoryItems: 64, batchSize: 8, learningRate: 2e-3, flips: true, falseAlarmRate: 0.05, seed: 1 });
