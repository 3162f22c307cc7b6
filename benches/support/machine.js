/** Describes the machine that the figures were measured on. */

import os from "node:os";
import { SOFTWARE_GPU, launch } from "../../tests/web/support/page.js";
import { THREADS } from "./settings.js";

/** Above this average number of running processes, the machine counts as busy. PyTorch's threads suffer most from other processes. */
const QUIET = 0.7;

/** @returns {Promise<string[]>} */
export async function machine() {
  const [load = 0] = os.loadavg();
  const browser = await launch(SOFTWARE_GPU);
  const page = await browser.newPage();
  await page.goto(new URL("../web/bench.html", import.meta.url).href); // because about:blank has no WebGPU
  const adapter = await page.evaluate(async () => {
    const { gpu } = /** @type {any} */ (navigator);
    const { info } = (await gpu?.requestAdapter()) ?? {};
    return info ? [info.vendor, info.architecture, info.description].filter(Boolean).join(" ") : "none";
  });
  const lines = [
    `CPU: ${os.cpus()[0]?.model}, ${os.availableParallelism()} threads, ${THREADS} used natively`,
    `Browser: ${browser.browserType().name()} ${browser.version()}; WebGPU adapter: ${adapter}`,
  ];
  await browser.close();
  return load > QUIET ? [...lines, `The machine was busy before this began (load ${load.toFixed(1)}): begin again when it is not.`] : lines;
}
