/** Opens the view "Teach", and starts training runs in it. */

import { readFile } from "node:fs/promises";

/** @typedef {import("playwright-core").Page} Page */

/** The picture whose pieces are taught. */
export const PICTURE = new URL("../../../www/gallery/piped/PA_FLR01_TL_S_ND_10_3.png", import.meta.url);

export const TRAINING_MS = 120_000;

/** Waits until the view takes images. @param {Page} page */
export function teachable(page) {
  return page.locator("#teach-camera:enabled").waitFor({ state: "attached" });
}

/** Gives it the fewest pieces of a picture that a visitor can choose. @param {Page} page */
export async function cutUp(page) {
  await page.locator(".teach-sources summary").click();
  await page.getByTestId("teach-count").selectOption("25");
  await page.getByTestId("teach-part").selectOption("0.25");
  await page.getByTestId("teach-picture").setInputFiles({ name: "picture.png", mimeType: "image/png", buffer: await readFile(PICTURE) });
  await number(page, 25);
}

/** Waits until it has so many images. @param {Page} page @param {number} count */
export function number(page, count) {
  return page.waitForFunction((text) => document.querySelector("[data-testid=teach-number]")?.textContent === text, count === 1 ? "1 image" : `${count} images`);
}

/** Waits for a phase of the training run. @param {Page} page @param {string} name */
export function phase(page, name) {
  return page.waitForFunction((name) => document.querySelector("#teach")?.getAttribute("data-phase") === name, name, { timeout: TRAINING_MS });
}
