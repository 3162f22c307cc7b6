/** What the figures were measured on. */

import os from "node:os";
import { SOFTWARE_GPU, launch } from "../../tests/web/support/page.js";
import { THREADS } from "./settings.js";

/** @returns {Promise<string[]>} */
export async function machine() {
  const browser = await launch(SOFTWARE_GPU);
  const page = await browser.newPage();
  await page.goto(new URL("../web/bench.html", import.meta.url).href); // about:blank is offered no WebGPU
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
  return lines;
}
