/** The tour in a real browser, and what the first view costs. Needs DAAD_SITE, a folder made by scripts/site.mjs. Optional: CHROMIUM; DAAD_SCREENSHOTS, a folder to put pictures into. */

import assert from "node:assert/strict";
import test from "node:test";
import { LOOKS, assertAccessible } from "./support/axe.js";
import { browse } from "./support/browser.js";
import { open, reading } from "./support/page.js";
import { screenshot } from "./support/screenshots.js";

/** What comes before the first score, without engine and model. */
const BUDGET_BYTES = 150e3;

const web = browse();

/** @param {Parameters<typeof open>[2]} [options] */
async function openPage(options = {}) {
  const opened = await web.open(`?backend=wasm`, { reducedMotion: "reduce", ...options });
  await reading(opened.page);
  await opened.page.waitForFunction(() => !(/** @type {HTMLButtonElement} */ (document.querySelector("#tour")).disabled));
  return opened;
}

test("the tour goes through the page by the keyboard, and can be left at any time", async () => {
  const { page, close } = await openPage();
  await page.locator("#tour").focus();
  await page.keyboard.press("Enter");
  const title = page.locator(".driver-popover-title");
  /** @type {(string | null)[]} */
  const titles = [];
  const isAt = (/** @type {number} */ stop, timeout = 10_000) =>
    page.waitForFunction((stop) => document.querySelector(".driver-popover-progress-text")?.textContent === `${stop + 1} of 6`, stop, { timeout });
  await isAt(0);
  titles.push(await title.textContent());
  for (let stop = 1; stop < 6; stop++) {
    // While it moves from stop to stop the library takes no key: press again, as people do.
    for (let press = 0; press < 10; press++) {
      await page.keyboard.press("ArrowRight");
      if (await isAt(stop, 700).then(() => true, () => false)) break;
    }
    await isAt(stop);
    titles.push(await title.textContent());
  }
  assert.equal(new Set(titles).size, 6);
  await page.keyboard.press("Escape");
  await title.waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement?.id), "tour");
  await close();
});

test("the first view costs little: 150 kB without engine, model and gallery", async () => {
  const { page, close } = await web.open(`?backend=wasm`, { reducedMotion: "reduce", viewport: { width: 390, height: 844 } });
  await reading(page);
  const parts = await page.evaluate(() =>
    [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].map((entry) => {
      const { name, encodedBodySize } = /** @type {PerformanceResourceTiming} */ (entry);
      return { name: name.replace(location.origin, ""), bytes: encodedBodySize };
    }),
  );
  const own = parts.filter(({ name }) => !/^\/(daad-[0-9a-f]{16}\/engines|models|gallery)\//.test(name));
  const bytes = own.reduce((sum, { bytes }) => sum + bytes, 0);
  assert.ok(bytes > 10_000 && bytes < BUDGET_BYTES, `${bytes} bytes: ${own.map(({ name, bytes }) => `${name} ${bytes}`).join(", ")}`);
  await close();
});

for (const [width, colorScheme] of LOOKS) {
  test(`an accessibility checker finds nothing in the tour, ${width} pixels wide, ${colorScheme}`, async () => {
    const { page, close } = await openPage({ viewport: { width, height: 900 }, colorScheme, bypassCSP: true });
    await page.locator("#tour").click();
    await page.locator(".driver-popover").waitFor();
    await assertAccessible(page);
    await screenshot(page.locator("body"), `tour-${width}-${colorScheme}`);
    await close();
  });
}
