/** Scoring outside the browser, compared with PyTorch in eager mode. */

import { sideBySide } from "../support/measure.js";
import { batch, model } from "../support/models.js";
import { askNative, askPython } from "../support/programs.js";
import { assertSameScores } from "../support/same.js";
import { THREADS } from "../support/settings.js";

const SIZE_PX = 256;

export const rows = [16, 64].map((width) => ({
  id: `native-${width}`,
  what: `judge an image natively, w = ${width}, ${SIZE_PX}², ${THREADS} threads, beside PyTorch`,
  unit: "ms",
  measure: () => measure(width),
}));

/** @param {number} width */
async function measure(width) {
  const words = [await model(width, SIZE_PX), await batch(1, SIZE_PX)];
  const ours = await askNative("score", ...words);
  const peer = await askPython("score.py", ...words, String(THREADS));
  try {
    assertSameScores(await ours.next(), await peer.next());
    const time = async (/** @type {typeof ours} */ side) => 1000 * (await side.next()).seconds;
    return await sideBySide(() => time(ours), () => time(peer));
  } finally {
    await Promise.all([ours.stop(), peer.stop()]);
  }
}
