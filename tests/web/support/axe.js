/** Checks the accessibility of a page in its current state. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import test from "node:test";
import { drawn } from "./page.js";
import { screenshot } from "./screenshots.js";

/** @typedef {import("playwright-core").Page} Page */

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** The widths of the window that a page is checked at. */
export const WIDTHS = /** @type {const} */ ([390, 1280]);

const SCHEMES = /** @type {const} */ (["light", "dark"]);

/**
 * The options of a page that is to be checked. The policy of the page would refuse the checker's script.
 * @param {number} width
 */
export function checkable(width) {
  return { viewport: { width, height: 900 }, bypassCSP: true };
}

/**
 * Declares a test for each width. The page is opened once at each width, because a page can change its colour scheme while it is open.
 * @param {string} name of the screenshots
 * @param {string} part a selector of what the screenshots show
 * @param {(options: ReturnType<typeof checkable>) => Promise<{ page: Page, close: () => Promise<void> }>} openPage opens the page, and brings it into the state that is checked
 */
export function testAccessibility(name, part, openPage) {
  for (const width of WIDTHS) {
    test(`${width} pixels wide, in both colour schemes`, async () => {
      const { page, close } = await openPage(checkable(width));
      await assertAccessible(page, name, part);
      await close();
    });
  }
}

/**
 * Fails if there are violations in one of the colour schemes, or if the page is wider than the window. The page must have been opened as `checkable`.
 * @param {Page} page
 * @param {string} name of the screenshots
 * @param {string} part a selector of what the screenshots show
 */
export async function assertAccessible(page, name, part) {
  const width = page.viewportSize()?.width;
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme });
    await drawn(page); // charts and pictures that depend on the scheme are drawn again
    await page.waitForFunction(() => !document.querySelector("[aria-busy=true]")); // parts that are about to change are dimmed
    if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(await readFile(AXE, "utf8"));
    const { violations } = await page.evaluate(() => /** @type {any} */ (globalThis).axe.run());
    assert.deepEqual(violations.map((/** @type {any} */ { id, nodes }) => [colorScheme, id, nodes.map((/** @type {any} */ node) => node.target.join(" "))]), []);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
    await screenshot(page.locator(part), `${name}-${width}-${colorScheme}`);
  }
}
