/** Tests the views of the page in a real browser, and the download size before the first score. Needs DAAD_SITE, a folder made by scripts/site.mjs. Optional: CHROMIUM; DAAD_SCREENSHOTS, a folder to put pictures into. */

import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { WIDTHS, assertAccessible, checkable } from "./support/axe.js";
import { SITE, browse } from "./support/browser.js";
import { choose, goTo, open, reading, settle, stubEngine, sumLayoutShift } from "./support/page.js";
import { servePlainly } from "./support/plain-server.js";
import { noisePng } from "./support/images.js";

/** The maximum size of the files that are downloaded before the first score, without engine and model. */
const BUDGET_BYTES = 120e3;

const SIZES = /** @type {const} */ ([[390, 844], [1440, 900]]);

const web = browse();

/**
 * Opens the page as a visitor sees it, without opening any cards.
 * @param {string} address
 * @param {Parameters<typeof open>[2]} [options]
 */
async function visit(address, options = {}) {
  const opened = await web.open(`?backend=wasm${address}`, { unfold: false, ...options });
  await settle(opened.page);
  return opened;
}

/** The visible views or steps. @param {import("playwright-core").Page} page @param {string} kind */
function shown(page, kind) {
  return page.locator(kind).evaluateAll((views) => views.filter((view) => view.checkVisibility()).map(({ id }) => id));
}

/** Whether all these elements are completely on the first screen. @param {import("playwright-core").Page} page @param {string[]} selectors */
async function assertOnFirstScreen(page, selectors) {
  assert.equal(await page.evaluate(() => scrollY), 0);
  for (const selector of selectors) {
    const [top, bottom, height] = await page.locator(selector).first().evaluate((element) => [element.getBoundingClientRect().top, element.getBoundingClientRect().bottom, innerHeight]);
    assert.ok(top !== undefined && bottom !== undefined && height !== undefined && top >= 0 && bottom <= height + 1 && bottom > top, `${selector} from ${top} to ${bottom} of ${height}`);
  }
}

describe("three views, each with an address", () => {
  test("links, history and old addresses lead to them", async () => {
    const { page, close } = await visit("", { prepare: stubEngine });
    assert.deepEqual(await shown(page, ".view"), ["try"]);
    await page.getByRole("link", { name: "Teach", exact: true }).click();
    assert.deepEqual(await shown(page, ".view"), ["teach"]);
    await page.waitForFunction(() => /teach/.test(document.title));
    assert.equal(await page.locator(".views [aria-current]").textContent(), "Teach");
    await page.goBack();
    assert.deepEqual(await shown(page, ".view"), ["try"]);
    for (const [old, view, step] of /** @type {const} */ ([["blocks", "why", "blocks"], ["networks", "why", "networks"], ["idea-title", "why", "blocks"], ["series-heading", "why", "networks"], ["how", "why", "how"], ["teach-title", "teach", undefined], ["try", "try", undefined]])) {
      await page.evaluate((old) => (location.hash = old), old);
      assert.deepEqual(await shown(page, ".view"), [view], old);
      assert.deepEqual(await shown(page, ".step"), step ? [step] : [], old);
    }
    await close();
  });

  test("after going back the address has what the page shows", async () => {
    const { page, close } = await visit("", { prepare: stubEngine });
    const items = page.getByTestId("gallery-item");
    const b = await items.nth(2).getAttribute("data-file");
    const addressIs = (/** @type {string} */ hash) => page.waitForURL((url) => url.hash === hash && url.searchParams.get("sample") === b);
    await items.nth(1).click();
    await reading(page);
    await page.getByRole("link", { name: "Why", exact: true }).click();
    await page.getByRole("link", { name: "Try", exact: true }).click();
    await items.nth(2).click();
    await reading(page);
    await addressIs("#try");
    await page.goBack();
    await addressIs("#why");
    await page.goBack();
    await addressIs("");
    assert.equal(await page.locator("#subject").textContent(), await items.nth(2).getAttribute("title"));
    await close();
  });

  test("an image that is given in another view is judged under Try", async () => {
    const { page, close } = await visit("#why", { prepare: stubEngine });
    await choose(page, Buffer.from("an image"));
    await page.waitForFunction(() => location.hash === "#try");
    assert.deepEqual(await shown(page, ".view"), ["try"]);
    await close();
  });

  test("the last step of Why shows the image of Try divided, assembled and judged", async () => {
    const { page, close } = await visit("#how");
    await page.getByTestId("how-verdict").filter({ hasText: /: anomalous\.$/ }).waitFor();
    const sizes = await page.evaluate(() => ["divided", "assembled", "judged"].map((name) => document.querySelector(`#how-${name}`)).map((canvas) => canvas instanceof HTMLCanvasElement && [canvas.width, canvas.height]));
    const [divided, assembled, judged] = sizes;
    assert.deepEqual(assembled, judged);
    assert.ok(divided && assembled && (divided[0] ?? 0) > (assembled[0] ?? 0), "the blocks are apart");
    const green = await page.locator("#how-assembled").evaluate((canvas) => {
      const pixels = canvas instanceof HTMLCanvasElement ? canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data : undefined;
      return pixels ? pixels.reduce((count, value, at) => count + (at % 4 === 0 && value < 160 && (pixels[at + 1] ?? 0) > 160 ? 1 : 0), 0) : 0;
    });
    assert.ok(green > 1000, `the toy is put together: ${green} green pixels`);
    await close();
  });

  test("who presents goes on by arrow keys, and a link presents too", async () => {
    const { page, close } = await visit("&present=1#why", { prepare: stubEngine });
    await page.locator(":root[data-present]").waitFor();
    await page.locator("#idea-lesson[data-verdict=normal]").waitFor();
    await page.keyboard.press("ArrowUp");
    assert.match(page.url(), /block=16/);
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction(() => location.hash === "#networks");
    await page.keyboard.press("Escape");
    assert.equal(await page.locator(":root[data-present]").count(), 0);
    assert.doesNotMatch(page.url(), /present/);
    await close();
  });

  test("who leaves before the screen is full is not kept in full screen", async () => {
    const { page, close } = await visit("#why", { prepare: stubEngine });
    await page.evaluate(() => {
      Object.assign(window, { left: 0 });
      document.documentElement.requestFullscreen = () => new Promise((fill) => Object.assign(window, { fill }));
      document.exitFullscreen = async () => void /** @type {any} */ (window).left++;
    });
    for (const name of ["Present", "Leave"]) await page.getByRole("button", { name, exact: true }).click();
    assert.equal(await page.evaluate(() => /** @type {any} */ (window).left), 0);
    await page.evaluate(() => /** @type {any} */ (window).fill());
    await page.waitForFunction(() => /** @type {any} */ (window).left > 0);
    assert.equal(await page.evaluate(() => /** @type {any} */ (window).left), 1);
    assert.equal(await page.locator(":root[data-present]").count(), 0);
    await close();
  });

  for (const hash of ["", "#blocks"]) {
    test(`a link to present, ${hash || "without a step"}, can be left on a phone`, async () => {
      const { page, close } = await visit(`&present=1${hash}`, { viewport: { width: 390, height: 844 }, prepare: stubEngine });
      await page.locator(":root[data-present]").waitFor();
      assert.deepEqual([await shown(page, ".view"), await shown(page, ".step")], [["why"], ["blocks"]]);
      const leave = page.getByRole("button", { name: "Leave" });
      const box = await leave.boundingBox();
      assert.ok(box && box.x >= 0 && box.x + box.width <= 390, JSON.stringify(box));
      await leave.click();
      assert.equal(await page.locator(":root[data-present]").count(), 0);
      await close();
    });
  }
});

describe("the first screen has what the view is for", () => {
  for (const [width, height] of SIZES) {
    const viewport = { width, height };
    test(`Try, ${width} × ${height}: intake, samples, three pictures and the verdict, after an upload too`, async () => {
      const { page, close } = await visit("", { viewport });
      const all = ["#drop", "#models", "#gallery button", "#verdict", "[data-testid=input]", "[data-testid=reconstruction]", "[data-testid=error-map]"];
      await assertOnFirstScreen(page, all);
      await choose(page, noisePng(64));
      await reading(page);
      assert.equal(await page.getByTestId("verdict").textContent(), "Unfamiliar");
      assert.match((await page.locator("#comparison").textContent()) ?? "", /Unlike anything this model has learned \(.+\)\. Teach it your own\./);
      await assertOnFirstScreen(page, all);
      await page.locator("#comparison").getByRole("button", { name: "Nuts" }).click();
      await reading(page);
      const model = page.locator("#models input:checked");
      assert.match(await model.inputValue(), /hazelnut_toy/, "the other model judges the same image");
      assert.ok(await model.evaluate((radio) => radio === document.activeElement), "the focus is not lost with the link");
      assert.match((await page.locator("#comparison").textContent()) ?? "", /Or ask another model: Toys or Paper\.$/);
      await close();
    });

    test(`Why, ${width} × ${height}: the slider, what it says, and what is rebuilt`, async () => {
      const { page, close } = await visit("#why", { viewport, prepare: stubEngine });
      await assertOnFirstScreen(page, ["#idea-size", "#idea-lesson", "#idea-b-rebuilt", "#idea-c-rebuilt"]);
      await page.getByRole("link", { name: "Networks", exact: true }).click();
      await assertOnFirstScreen(page, ["#series-rate", "#series-lesson", "#series-rebuilt", "#series-map"]);
      await close();
    });

    test(`Teach, ${width} × ${height}: where the images go, and nothing before its time`, async () => {
      const { page, close } = await visit("#teach", { viewport, prepare: stubEngine });
      await page.locator("#teach[data-phase=collecting]").waitFor();
      await assertOnFirstScreen(page, ["#teach-drop", "#teach-camera"]);
      for (const id of ["teach-start", "teach-pause", "teach-save", "teach-good"]) assert.ok(!(await page.locator(`#${id}`).evaluate((element) => element.checkVisibility())), id);
      await close();
    });
  }
});

for (const reducedMotion of /** @type {const} */ (["no-preference", "reduce"])) {
  test(`the reconstruction comes together out of its blocks, ${reducedMotion === "reduce" ? "but not where motion is unwelcome" : "once for each image"}`, async () => {
    const { page, close } = await visit("", { reducedMotion });
    await reading(page);
    await page.waitForTimeout(700);
    /** The opacity values of the corner pixel in all frames. The pixel belongs to no block while the blocks are apart. */
    const alphas = await page.getByTestId("reconstruction").evaluateHandle((canvas) => {
      /** @type {Set<number | undefined>} */
      const alphas = new Set();
      const note = () => {
        alphas.add(/** @type {HTMLCanvasElement} */ (canvas).getContext("2d")?.getImageData(0, 0, 1, 1).data[3]);
        requestAnimationFrame(note);
      };
      note();
      return alphas;
    });
    await page.getByTestId("gallery-item").nth(1).click();
    await reading(page);
    await page.waitForTimeout(700);
    assert.equal(await alphas.evaluate((alphas) => alphas.has(0)), reducedMotion === "no-preference");
    assert.equal(await page.getByTestId("reconstruction").evaluate((canvas) => /** @type {HTMLCanvasElement} */ (canvas).getContext("2d")?.getImageData(0, 0, 1, 1).data[3]), 255);
    await close();
  });
}

describe("an accessibility checker finds nothing", () => {
  for (const width of WIDTHS) {
    test(`${width} pixels wide, in every view and in both colour schemes`, async () => {
      const { page, close } = await visit("", { ...checkable(width), prepare: stubEngine });
      for (const view of /** @type {const} */ (["try", "why", "networks", "how", "teach"])) {
        await goTo(page, view);
        assert.ok((await page.evaluate(() => document.documentElement.scrollHeight)) <= 3 * 900, `${view} has at most three screens`);
        await assertAccessible(page, `view-${view}`, "body");
      }
      await close();
    });
  }
});

test("the first view costs little: 120 kB without engine, model and gallery", async () => {
  const { page, close } = await web.open(`?backend=wasm`, { viewport: { width: 390, height: 844 } });
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

describe("nothing moves under a visitor's hand", () => {
  for (const [width, height] of SIZES) {
    test(`from the first line to the first score, and in every view, ${width} × ${height}`, async () => {
      for (const view of ["try", "blocks", "networks", "how", "teach"]) {
        const { page, close } = await visit(`#${view}`, {
          viewport: { width, height },
          prepare: sumLayoutShift,
        });
        if (view === "networks") await page.waitForFunction(() => /%$/.test(document.querySelector("#series-gap")?.textContent ?? ""), null, { timeout: 60_000 });
        const shift = await page.evaluate(() => /** @type {any} */ (window).layoutShift);
        assert.ok(shift < 0.001, `#${view}: a cumulative layout shift of ${shift}`);
        await close();
      }
    });

    test(`while the page itself is on its way, ${width} × ${height}`, async (t) => {
      const slow = await servePlainly(SITE);
      t.after(() => slow.stop());
      slow.isSlow = true;
      const { page, close } = await web.openAt(`${slow.url}?backend=wasm`, { unfold: false, viewport: { width, height }, reducedMotion: "no-preference", prepare: sumLayoutShift });
      await reading(page);
      const shift = await page.evaluate(() => /** @type {any} */ (window).layoutShift);
      assert.ok(shift < 0.001, `a cumulative layout shift of ${shift}`);
      await close();
    });
  }
});
