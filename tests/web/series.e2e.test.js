/** Tests the demonstration of Fig. 5 in a real browser. Needs DAAD_SITE, a folder made by scripts/site.mjs. Optional: CHROMIUM; DAAD_SCREENSHOTS, a folder to put pictures into. */

import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { testAccessibility } from "./support/axe.js";
import { browse } from "./support/browser.js";
import { chooseBackend, drawn, goTo, hold, open, reading, stubEngine, text } from "./support/page.js";

/** @typedef {import("playwright-core").Page} Page */

/** The kinds of images, the first being shown first: r of their models, r at the widest gap, and the width of an image, whose height is 64. */
const KINDS = [
  { name: "toys", rates: [16, 8, 4, 2, 1], widest: 2, width: 96 },
  { name: "floors", rates: [32, 16, 8, 4, 2, 1], widest: 4, width: 64 },
];

const web = browse();

/**
 * @param {string} [query]
 * @param {Parameters<typeof open>[2]} [options]
 */
async function openSeries(query = "", options = {}) {
  const opened = await web.open(`?backend=wasm${query}#networks`, options);
  await reading(opened.page);
  return opened;
}

/** Waits until the network of the chosen block size has reconstructed all images of the kind. @param {Page} page */
function rebuilt(page) {
  return page.waitForFunction(() => /%$/.test(document.querySelector("[data-testid=series-gap]")?.textContent ?? ""), null, { timeout: 60_000 });
}

/** The gap in per cent, as the page shows it. @param {Page} page */
async function gap(page) {
  return Number.parseFloat(await text(page, "series-gap"));
}

/** The error below each frame of the strip. @param {Page} page */
async function errors(page) {
  const captions = await page.getByTestId("frame").locator("span").allTextContents();
  return captions.map((caption) => Number.parseFloat(caption));
}

describe("networks that differ in their block size alone", () => {
  for (const { name, rates, widest, width } of KINDS) {
    test(`the gap between normal and defective ${name} is widest in the middle, and none is left at the ends`, async () => {
      const { page, close } = await openSeries();
      await rebuilt(page);
      await page.getByTestId("series-kind").selectOption(name);
      await rebuilt(page);
      await page.getByTestId("series-rate").focus();
      await page.keyboard.press("Home");
      /** @type {number[]} */
      const gaps = [];
      for (const rate of rates) {
        assert.match((await page.getByTestId("series-rate").getAttribute("aria-valuetext")) ?? "", new RegExp(`^${64 / rate} × ${width / rate} pixels, `));
        await rebuilt(page);
        gaps.push(await gap(page));
        await page.keyboard.press("ArrowRight");
      }
      const middle = gaps[rates.indexOf(widest)] ?? NaN;
      assert.ok(middle > 0 && middle >= 0.8 * Math.max(...gaps), `about the widest is at r = ${widest}: ${gaps}`);
      assert.ok((gaps[0] ?? NaN) < 0 && (gaps.at(-1) ?? NaN) < 0, `at both ends they overlap: ${gaps}`);
      await close();
    });
  }

  test("an intact floor is rebuilt by a middling block size and not by the whole floor as one block", async () => {
    const { page, close } = await openSeries("&images=floors&image=good-1.png");
    await rebuilt(page);
    const [, , , middle = NaN, , whole = NaN] = await errors(page);
    assert.ok(whole > 10 * middle, `${whole} against ${middle}`);
    await close();
  });

  test("the address keeps image and block size", async () => {
    const { page, close } = await openSeries("&images=floors&image=mixed-1.png&r=16");
    await rebuilt(page);
    assert.equal(await page.locator("[data-testid=series-sample][aria-pressed=true]").getAttribute("data-file"), "mixed-1.png");
    assert.equal(await page.locator("[data-testid=frame][aria-pressed=true]").getAttribute("data-rate"), "16");
    await page.locator("[data-testid=frame][data-rate='2']").click();
    await page.locator("[data-testid=series-sample][data-file='hole-1.png']").click();
    assert.match(page.url(), /image=hole-1\.png/);
    assert.match(page.url(), /[?&]r=2(&|$)/);
    await close();
  });

  test("nothing of it is downloaded before it is near", async () => {
    /** @type {string[]} */
    const asked = [];
    const { page, close } = await web.open(`?backend=wasm`, { viewport: { width: 390, height: 500 }, prepare: async (page) => void page.on("request", (request) => asked.push(request.url())) });
    await reading(page);
    await page.waitForFunction(() => performance.getEntriesByType("resource").some(({ name }) => /\/series-[^/]+\.js$/.test(name))); // its code is loaded
    await drawn(page);
    const isPart = (/** @type {string} */ url) => /models\/series|floors\/|series\.json/.test(url);
    assert.deepEqual(asked.filter(isPart), []);
    await goTo(page, "networks");
    await rebuilt(page);
    assert.ok(asked.some(isPart));
    await close();
  });

  test("another engine rebuilds all of it anew", async () => {
    const { page, close } = await openSeries("", { prepare: async (page) => page.addInitScript(() => Object.defineProperty(navigator, "gpu", { value: undefined })) });
    await rebuilt(page);
    const before = await errors(page);
    await chooseBackend(page, "auto");
    await page.waitForFunction(() => document.querySelector("[data-testid=frame] span")?.textContent === "…");
    await rebuilt(page);
    assert.deepEqual(await errors(page), before);
    await reading(page);
    await close();
  });

  test("a list that could not be downloaded is asked for again with the next visit to the step", async () => {
    const { page, close } = await openSeries("", { prepare: (page) => page.route("**/series.json", (route) => route.abort()) });
    await page.waitForFunction(() => /could not be downloaded/.test(document.querySelector("[data-testid=series-lesson]")?.textContent ?? ""));
    await page.unroute("**/series.json");
    await goTo(page, "try");
    await goTo(page, "networks");
    await rebuilt(page);
    await close(/Failed to load resource/);
  });

  test("slider and choice cannot be used before the list is there", async () => {
    let release = () => {};
    /** @type {Promise<unknown> | undefined} */
    let asked;
    const { page, close } = await openSeries("", {
      prepare: async (page) => {
        await stubEngine(page);
        asked = page.waitForRequest("**/series.json");
        release = await hold(page, "**/series.json");
      },
    });
    await asked; // by the script that enables them
    const controls = [page.getByTestId("series-rate"), page.getByTestId("series-kind")];
    for (const control of controls) assert.ok(await control.isDisabled());
    release();
    for (const control of controls) await page.waitForFunction((control) => control?.matches(":enabled"), await control.elementHandle());
    await close();
  });

  test("a model that is missing is told in a sentence, and the rest of the page works", async () => {
    const { page, close } = await openSeries("", { prepare: async (page) => page.route(/models\/series\/toys-r8/, (route) => route.fulfill({ status: 404 })) });
    await page.waitForFunction(() => /incomplete/.test(document.querySelector("[data-testid=series-lesson]")?.textContent ?? ""));
    assert.equal((await reading(page)).verdict, "Anomalous");
    await close(/Failed to load resource/);
  });
});

describe("an accessibility checker finds nothing", () => {
  testAccessibility("series", "#networks", async (options) => {
    const opened = await openSeries("", options);
    await rebuilt(opened.page);
    return opened;
  });
});
