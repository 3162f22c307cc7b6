/** Tests the demonstration of Fig. 1 in a real browser. Needs DAAD_SITE, a folder made by scripts/site.mjs. Optional: CHROMIUM; DAAD_SCREENSHOTS, a folder to put pictures into. */

import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { testAccessibility } from "./support/axe.js";
import { browse } from "./support/browser.js";
import { drawn, open, reading, settle, stubEngine, text, value } from "./support/page.js";

/** @typedef {import("playwright-core").Page} Page */

const web = browse();

/**
 * Opens the page with reduced motion, so that no animation runs.
 * @param {string} [query]
 * @param {Parameters<typeof open>[2]} [options]
 */
async function openStill(query = "", options = {}) {
  const opened = await web.open(`?backend=wasm${query}#why`, { prepare: stubEngine, ...options });
  await lesson(opened.page);
  return opened;
}

/** Waits until the demonstration is loaded and no animation runs. @param {Page} page */
function lesson(page) {
  return page.waitForFunction(() => document.querySelector("[data-testid=idea-lesson]")?.getAttribute("data-verdict"));
}

/** What the error of an image says during an assembly of four blocks. */
const PARTLY = /^block [1-3] of 4$/;

/** Records all texts of some elements, because an assembly may begin before `goto` returns. @param {Page} page */
async function recordTexts(page) {
  await stubEngine(page);
  await page.addInitScript(() => {
    /** @type {Record<string, string[]>} */
    const texts = { "idea-b-error": [], "idea-c-error": [], "idea-play": [] };
    Object.assign(window, { texts });
    new MutationObserver((changes) => {
      for (const { target, addedNodes } of changes) {
        if (target instanceof HTMLElement) texts[target.id]?.push(...[...addedNodes].map((node) => node.textContent ?? ""));
      }
    }).observe(document, { childList: true, subtree: true });
  });
}

/** The texts that an element has had since the last call. @param {Page} page @param {string} id @returns {Promise<string[]>} */
function texts(page, id) {
  return page.evaluate((id) => /** @type {any} */ (window).texts[id].splice(0), id);
}

/** Waits until an element has had such a text since the last call of `texts`. @param {Page} page @param {string} id @param {RegExp} expected */
function passes(page, id, expected) {
  return page.waitForFunction(([id, expected]) => /** @type {any} */ (window).texts[id].some((/** @type {string} */ text) => expected.test(text)), /** @type {const} */ ([id, expected]));
}

/** The shares of wrong pixels of B and C. @param {Page} page */
async function errors(page) {
  return [await value(page, "idea-b-error"), await value(page, "idea-c-error")].map(Number);
}

/** @param {Page} page @param {string} testid */
function verdict(page, testid = "idea-lesson") {
  return page.getByTestId(testid).getAttribute("data-verdict");
}

describe("the first lesson", () => {
  test("is there without engine or model, and it is said how soon", async (t) => {
    const { page, close } = await web.open(`?backend=wasm#why`, {
      prepare: async (page) => {
        await page.route(/\/(engines|models)\//, (route) => route.abort());
      },
    });
    await lesson(page);
    const elapsed_ms = await page.evaluate(() => performance.now());
    t.diagnostic(`it took ${Math.round(elapsed_ms)} ms`);
    assert.equal(await verdict(page), "normal");
    assert.equal((await settle(page)).status, "error"); // the rest of the page shows what is missing
    await close(/Failed to load resource/);
  });

  test("goes through its sizes by the keyboard: both, the normal image alone, neither", async () => {
    const { page, close } = await openStill();
    await page.getByTestId("idea-size").focus();
    await page.keyboard.press("Home");
    const seen = [await verdict(page)];
    for (let press = 0; press < 5; press++) {
      await page.keyboard.press("ArrowRight");
      seen.push(await verdict(page));
    }
    assert.deepEqual(seen, ["both", "normal", "normal", "normal", "neither", "neither"]);
    assert.match((await page.getByTestId("idea-size").getAttribute("aria-valuetext")) ?? "", /^32 × 32 pixels, 1 block$/);
    await close();
  });

  test("assembles block by block before the visitor's eyes, once by itself and then when asked", async () => {
    const { page, close } = await web.open(`?backend=wasm&block=16#why`, { reducedMotion: "no-preference", prepare: recordTexts });
    await passes(page, "idea-b-error", PARTLY);
    assert.ok((await texts(page, "idea-play")).includes("Pause"));
    await page.waitForFunction(() => document.querySelector("[data-testid=idea-lesson]")?.getAttribute("data-verdict") === "neither", null, { timeout: 15_000 });
    await texts(page, "idea-c-error"); // those of the first assembly
    await page.getByTestId("idea-play").click();
    await passes(page, "idea-c-error", PARTLY);
    await page.getByTestId("idea-play").click();
    assert.equal(await text(page, "idea-play"), "Go on");
    await close();
  });

  test("waits for the visitor to assemble", async () => {
    const { page, close } = await web.open("?backend=wasm&block=16", { reducedMotion: "no-preference", prepare: recordTexts });
    await lesson(page);
    for (let twice = 0; twice < 2; twice++) await drawn(page); // an assembly of what is seen begins with the first frame
    assert.deepEqual((await texts(page, "idea-b-error")).filter((text) => text.startsWith("block")), []);
    await page.evaluate(() => (location.hash = "why"));
    await passes(page, "idea-b-error", PARTLY);
    await close();
  });

  test("goes one block at a time where motion is unwelcome, and does not start by itself", async () => {
    const { page, close } = await openStill();
    assert.equal(await verdict(page), "normal");
    for (let block = 1; block < 16; block++) {
      await page.getByTestId("idea-step").click();
      assert.equal(await text(page, "idea-b-error"), `block ${block} of 16`);
    }
    await page.getByTestId("idea-step").click();
    assert.equal(await verdict(page), "normal");
    await close();
  });

  test("can be painted on with a pointer, and the address keeps the painting", async () => {
    const { page, close } = await openStill();
    assert.ok(await page.getByTestId("idea-reset").isDisabled());
    const box = await page.getByTestId("idea-b").boundingBox();
    assert.ok(box);
    await page.mouse.move(box.x + 0.1 * box.width, box.y + 0.3 * box.height);
    await page.mouse.down();
    await page.mouse.move(box.x + 0.9 * box.width, box.y + 0.3 * box.height, { steps: 40 });
    await page.mouse.up();
    const [b = 0] = await errors(page);
    assert.ok(b > 0, "the stroke is an error");
    assert.match(page.url(), /[?&]b=[\w-]+/);
    await page.reload();
    await lesson(page);
    assert.equal((await errors(page))[0], b);
    await page.getByTestId("idea-reset").click();
    assert.equal((await errors(page))[0], 0);
    assert.doesNotMatch(page.url(), /[?&]b=/);
    await close();
  });

  test("can be painted on with the keyboard", async () => {
    const { page, close } = await openStill();
    await page.getByTestId("idea-a").focus();
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "idea-b");
    for (const key of ["ArrowRight", "ArrowDown", " "]) await page.keyboard.press(key);
    assert.ok(((await errors(page))[0] ?? 0) > 0);
    assert.match((await page.locator("#idea-pixel").textContent()) ?? "", /^Row 2, column 2: (black|white)$/);
    await close();
  });

  test("has other images to choose from", async () => {
    const { page, close } = await openStill();
    await page.getByTestId("idea-pattern").selectOption("bricks");
    assert.equal(await verdict(page), "normal");
    assert.match(page.url(), /pattern=bricks/);
    await close();
  });
});

describe("an accessibility checker finds nothing", () => {
  testAccessibility("idea", ".idea", async (options) => {
    const opened = await openStill("", { ...options, prepare: async () => {} });
    await reading(opened.page);
    return opened;
  });
});
