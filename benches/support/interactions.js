/** Acts like a visitor on the page, and measures how long the browser takes to respond, from the event to the next frame. */

import { goTo, reading } from "../../tests/web/support/page.js";

/** The time after each action in which responses are measured. */
const WATCH_MS = 700;

/**
 * The slowest response to each action in milliseconds, which the browser rounds to multiples of eight. Responses faster than 16 ms are left out.
 * @param {import("playwright-core").Page} page that is not open yet
 * @param {string} url
 * @returns {Promise<{ what: string, ms: number }[]>}
 */
export async function interact(page, url) {
  await page.addInitScript(watch);
  await page.goto(url);
  await reading(page);
  await page.waitForTimeout(WATCH_MS);
  /** @type {{ what: string, ms: number }[]} */
  const answers = [];
  /** @param {string} what @param {() => Promise<unknown>} act */
  const done = async (what, act) => {
    await act();
    await page.waitForTimeout(WATCH_MS);
    const slowest = await page.evaluate(() => Math.max(0, .../** @type {any} */ (globalThis).answers.splice(0)));
    if (slowest > 0) answers.push({ what, ms: slowest });
  };
  const press = async (/** @type {string} */ selector, /** @type {string[]} */ ...keys) => {
    await page.locator(selector).focus();
    for (const key of keys) await page.keyboard.press(key);
  };
  const paint = async (/** @type {string} */ selector) => {
    await page.locator(selector).scrollIntoViewIfNeeded();
    const { x = 0, y = 0 } = (await page.locator(selector).boundingBox()) ?? {};
    await page.mouse.move(x + 20, y + 20);
    await page.mouse.down();
    for (let step = 1; step < 12; step++) await page.mouse.move(x + 20 + 5 * step, y + 20 + 4 * step);
    await page.mouse.up();
  };
  const [left, right] = ["ArrowLeft", "ArrowRight"].map((key) => Array.from({ length: 6 }, () => key));
  const keys = [...(left ?? []), ...(right ?? [])];

  for (let index = 0; index < 3; index++) await done("a sample", () => page.getByTestId("gallery-item").nth(index).click());
  for (const index of [1, 2, 0]) await done("a model", () => page.locator("input[name=model]").nth(index).check({ force: true }));
  await reading(page);
  await done("how it was judged", () => page.locator("#judged > summary").click());
  for (const slider of ["#threshold", "#gamma", "#opacity"]) await done(slider, () => press(slider, ...keys));
  await done("breaking it", () => page.locator("#break-heading").click());
  await done("a tool", () => page.getByTestId("break-scratch").click());
  await done("a scratch", () => paint("#break-canvas"));
  await done("looking inside", () => page.locator("#inside > summary").click());
  for (const view of ["Why", "Teach", "Try", "Why"]) await done(`to ${view}`, () => page.getByRole("link", { name: view, exact: true }).first().click());
  await done("the block size", () => press("#idea-size", ...keys));
  await done("painting", () => paint("#idea-c"));
  await goTo(page, "networks");
  await page.waitForFunction(() => document.querySelector("#series-strip canvas, #series-strip img"));
  await done("the networks' block size", () => press("#series-rate", ...keys));
  if (answers.length === 0) throw new Error("the browser reported no response");
  return answers;
}

/** Runs in the page: records the duration of each event of an interaction. */
function watch() {
  /** @type {number[]} */
  const answers = [];
  Object.assign(globalThis, { answers });
  const observer = new PerformanceObserver((list) => list.getEntries().forEach((/** @type {any} */ event) => event.interactionId && answers.push(event.duration)));
  observer.observe(/** @type {any} */ ({ type: "event", durationThreshold: 16, buffered: true }));
}
