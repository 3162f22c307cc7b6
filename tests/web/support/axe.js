/** Checks the accessibility of a page in its current state. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** The sizes and schemes that a page is checked at. */
export const LOOKS = /** @type {const} */ ([[390, "light"], [390, "dark"], [1280, "light"], [1280, "dark"]]);

/**
 * Fails if there are violations, or if the page is wider than the window. The page must have been opened with `bypassCSP`.
 * @param {import("playwright-core").Page} page
 */
export async function assertAccessible(page) {
  await page.waitForFunction(() => !document.querySelector("[aria-busy=true]")); // parts that are about to change are dimmed
  await page.evaluate(await readFile(AXE, "utf8"));
  const { violations } = await page.evaluate(() => /** @type {any} */ (globalThis).axe.run());
  assert.deepEqual(violations.map((/** @type {any} */ { id, nodes }) => [id, nodes.map((/** @type {any} */ node) => node.target.join(" "))]), []);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), page.viewportSize()?.width);
}
