/** Both engines on a page of their own, each in a worker, judging the same image. */

import { SOFTWARE_GPU, launch } from "../../tests/web/support/page.js";
import { openSite } from "./site.js";

/** What the page's worker is asked for, beside manifest and model. NOTE: the page has no engine with threads yet, so one thread stands for two. */
export const OURS = {
  "wasm-1": { backend: "wasm" },
  "wasm-2": { backend: "wasm" },
  webgpu: { backend: "webgpu" },
};

/**
 * @typedef {{ provider: "wasm" | "webgpu", threads: number }} Peer
 */

/**
 * @param {{ model: string, image: string, ours: keyof typeof OURS, onnx?: string, peer?: Peer }} options without a peer only ours is started
 */
export async function openEngines({ model, image, ours, onnx, peer }) {
  const site = await openSite([model, image, ...(onnx ? [onnx] : [])]);
  const browser = await launch(SOFTWARE_GPU);
  const page = await browser.newPage();
  await page.goto(new URL("bench/bench.html", site.url).href);
  await page.waitForFunction(() => "bench" in globalThis);
  /**
   * @param {"load" | "first" | "time" | "memory"} name of a function of bench.js
   * @param {unknown[]} words
   */
  const call = (name, ...words) => page.evaluate(([name, words]) => /** @type {any} */ (globalThis).bench[name](...words), /** @type {const} */ ([name, words]));
  const manifest = await (await fetch(new URL("manifest.json", site.url))).json();
  await call("load", "ours", "ours-worker.js", { manifest, model: site.describe(model), ...OURS[ours] });
  if (onnx && peer) await call("load", "peer", "peer-worker.js", { ...site.runtime(peer.provider), model: site.address(onnx), ...peer });
  return {
    /** Judges the image with both and gives what they found. */
    first: () => call("first", site.address(image)),
    /** @param {"ours" | "peer"} name @returns {Promise<number>} milliseconds */
    time: (name) => call("time", name),
    /** @param {"ours" | "peer"} name @returns {Promise<number>} bytes */
    memory: (name) => call("memory", name),
    async close() {
      await browser.close();
      await site.stop();
    },
  };
}
