/** Opens a page with both engines, each in a worker of its own, to score the same image. */

import { SOFTWARE_GPU, launch } from "../../tests/web/support/page.js";
import { openSite } from "./site.js";

/** The engine and the number of threads that the package's worker is asked for. */
export const OURS = /** @type {const} */ ({
  "wasm-1": { engine: "cpu-threads-relaxed", threads: 1 },
  "wasm-2": { engine: "cpu-threads-relaxed", threads: 2 },
  webgpu: { engine: "webgpu", threads: 1 },
});

/**
 * @typedef {{ runtime: "onnxruntime" | "litert", provider: "wasm" | "webgpu", threads: number }} Peer
 */

/**
 * @param {{ model: string, image: string, ours: keyof typeof OURS, network?: string, peer?: Peer }} options `network`: the same model in the peer's format; without a peer only our engine is started
 */
export async function openEngines({ model, image, ours, network, peer }) {
  const site = await openSite([model, image, ...(network ? [network] : [])]);
  const browser = await launch(SOFTWARE_GPU);
  const close = async () => {
    await browser.close();
    await site.stop();
  };
  /** @type {import("playwright-core").Page} */
  let page;
  /**
   * @param {"load" | "loadOurs" | "first" | "time" | "memory"} name of a function of bench.js
   * @param {unknown[]} words
   */
  const call = (name, ...words) => page.evaluate(([name, words]) => /** @type {any} */ (globalThis).bench[name](...words), /** @type {const} */ ([name, words]));
  try {
    page = await browser.newPage();
    await page.goto(new URL("bench/bench.html", site.url).href);
    await page.waitForFunction(() => "bench" in globalThis);
    const { engine, threads } = OURS[ours];
    await call("loadOurs", "ours-worker.js", { folder: site.folder, engine, model: site.address(model), threads });
    if (network && peer?.runtime === "onnxruntime") await call("load", "peer", "peer-worker.js", "module", { ...peer, ...site.runtime(peer.provider), model: site.address(network) });
    if (network && peer?.runtime === "litert") await call("load", "peer", site.litert.worker, "classic", { ...peer, runtime: site.litert.folder, model: site.address(network) });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    /** Scores the image with both engines and returns their results. */
    first: () => call("first", site.address(image)),
    /** @param {"ours" | "peer"} name @returns {Promise<number>} milliseconds */
    time: (name) => call("time", name),
    /** @param {"ours" | "peer"} name @returns {Promise<number>} bytes */
    memory: (name) => call("memory", name),
    close,
  };
}
