/** The peak of an engine's WebAssembly memory, including model and images. */

import { openEngines } from "../support/engines.js";
import { imageFile, model, onnx } from "../support/models.js";
import { assertSameScores } from "../support/same.js";

/** The network is so small that a thousand images take only seconds. */
const SMALL = { width: 4, size_px: 128 };

export const rows = [
  ...[16, 64].map((width) => ({
    id: `memory-${width}`,
    what: `wasm memory, w = ${width}, 256²`,
    unit: "MB",
    aim: { of: "ratio", most: 1 },
    measure: () => beside(width, 256),
  })),
  {
    id: "memory-constant",
    what: `wasm memory after 1000 images (ours) and after 10 (as peer), w = ${SMALL.width}, ${SMALL.size_px}²`,
    unit: "MB",
    aim: { of: "ratio", most: 1 },
    measure: constant,
  },
];

/**
 * @param {number} width
 * @param {number} size_px
 */
async function beside(width, size_px) {
  const weights = await model(width, size_px);
  const engines = await openEngines({ model: weights, network: await onnx(weights), image: await imageFile(size_px), ours: "wasm-1", peer: { runtime: "onnxruntime", provider: "wasm", threads: 1 } });
  try {
    const { ours, peer } = await engines.first();
    assertSameScores(ours, peer);
    for (let image = 0; image < 3; image++) for (const side of /** @type {const} */ (["ours", "peer"])) await engines.time(side);
    return { ours: (await engines.memory("ours")) / 1e6, peer: (await engines.memory("peer")) / 1e6 };
  } finally {
    await engines.close();
  }
}

async function constant() {
  const engines = await openEngines({ model: await model(SMALL.width, SMALL.size_px), image: await imageFile(SMALL.size_px), ours: "wasm-1" });
  try {
    await engines.first();
    const after = async (/** @type {number} */ images) => {
      for (let image = 0; image < images; image++) await engines.time("ours");
      return (await engines.memory("ours")) / 1e6;
    };
    return { peer: await after(9), ours: await after(990) };
  } finally {
    await engines.close();
  }
}
