/** Training steps, including Adam, compared with PyTorch in eager mode. */

import { ROUNDS, sideBySide } from "../support/measure.js";
import { batch, model } from "../support/models.js";
import { askNative, askPython } from "../support/programs.js";
import { assertSameLosses } from "../support/same.js";
import { THREADS } from "../support/settings.js";

const SIZE_PX = 256;
const BATCH = 8;

export const rows = [row(16, "daad", ROUNDS), row(16, "daad+", ROUNDS), row(64, "daad", 3), row(64, "daad+", 3)];

/**
 * @param {number} width
 * @param {"daad" | "daad+"} system
 * @param {number} rounds
 */
function row(width, system, rounds) {
  const few = rounds < ROUNDS ? `, ${rounds} runs only` : "";
  return {
    id: `train-${system}-${width}`,
    what: `train ${system.toUpperCase()}, w = ${width}, ${SIZE_PX}², batch ${BATCH}, ${THREADS} threads, beside PyTorch${few}`,
    unit: "images/s",
    aim: { of: "ratio", least: 1 },
    measure: () => measure(width, system, rounds),
  };
}

/**
 * @param {number} width
 * @param {string} system
 * @param {number} rounds
 */
async function measure(width, system, rounds) {
  const words = [await model(width, SIZE_PX), await batch(BATCH, SIZE_PX)];
  const ours = await askNative("train", ...words, system);
  const peer = await askPython("train.py", ...words, String(THREADS), system);
  try {
    // The first step starts from the same weights on both sides. It is also the warm-up.
    assertSameLosses((await ours.next()).losses, (await peer.next()).losses);
    const rate = async (/** @type {typeof ours} */ side) => BATCH / (await side.next()).seconds;
    return await sideBySide(() => rate(ours), () => rate(peer), { rounds, warmUps: rounds < ROUNDS ? 0 : 1 });
  } finally {
    await Promise.all([ours.stop(), peer.stop()]);
  }
}
