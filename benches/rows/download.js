/** The size of the engine's download: every file of the engine that the page requests, compressed by brotli at its best quality. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { SOFTWARE_GPU, launch } from "../../tests/web/support/page.js";
import { openPaper } from "../support/paper.js";
import { brotli } from "../support/site.js";

/** How long the first score may take, also on a software GPU. */
const PATIENCE_MS = 600_000;

export const rows = [
  { id: "download-wasm", what: "engine download, CPU, brotli 11", unit: "MB", aim: { of: "ours", most: 0.4 }, measure: () => measure("wasm") },
  { id: "download-webgpu", what: "engine download, WebGPU, brotli 11", unit: "MB", aim: { of: "ours", most: 1.5 }, measure: () => measure("webgpu") },
];

/** @param {"wasm" | "webgpu"} backend */
async function measure(backend) {
  const { site, ours, peer } = await openPaper();
  const browser = await launch(SOFTWARE_GPU);
  /** @param {string} url */
  const size = async (url) => {
    const page = await browser.newPage();
    /** @type {Set<string>} */
    const files = new Set();
    page.context().on("request", (request) => files.add(new URL(request.url()).pathname));
    await page.goto(url);
    await page.locator("[data-testid=score][data-value]").waitFor({ timeout: PATIENCE_MS });
    await page.close();
    const engine = [...files].filter((file) => /\/(engines|ort)\//.test(file));
    if (!engine.some((file) => file.endsWith(".wasm"))) throw new Error(`${url} asked for no engine: ${[...files].join(" ")}`);
    const compressed = await Promise.all(engine.map(async (file) => (await brotli(await readFile(join(site.dir, file)), 11)).length));
    engine.forEach((file, index) => console.error(`${file}: ${compressed[index]} bytes`));
    return compressed.reduce((sum, bytes) => sum + bytes, 0) / 1e6;
  };
  try {
    return { ours: await size(ours(backend)), peer: await size(peer(backend)) };
  } finally {
    await browser.close();
    await site.stop();
  }
}
