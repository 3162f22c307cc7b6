/** Tests "Look inside the memory" in a real browser. Needs DAAD_SITE, a folder made by scripts/site.mjs. Optional: CHROMIUM; DAAD_SCREENSHOTS, a folder to put pictures into. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test, { describe } from "node:test";
import { testAccessibility } from "./support/axe.js";
import { browse } from "./support/browser.js";
import { choose, open, reading, replacePaper, stubEngine } from "./support/page.js";

/** @typedef {import("playwright-core").Page} Page */

const SCALES = 4;
const WHOLE = "#inside[data-state=whole]";

const web = browse();

/**
 * Opens a page, waits for the first result, and records the worker's answers.
 * @param {string} [query]
 * @param {Parameters<typeof open>[2]} [options]
 */
async function openJudged(query = "", options = {}) {
  const opened = await web.open(`?backend=wasm&model=piped${query}`, { prepare: prepareToLook, ...options });
  await reading(opened.page);
  await opened.page.waitForSelector("#inside-said", { state: "attached" });
  return opened;
}

/** @param {Page} page */
async function prepareToLook(page) {
  await replacePaper(page);
  await page.addInitScript(() => {
    const kept = /** @type {any} */ (window);
    kept.asked = [];
    kept.answers = [];
    window.Worker = class extends Worker {
      /** @param {string | URL} url @param {WorkerOptions} [options] */
      constructor(url, options) {
        super(url, options);
        this.addEventListener("message", ({ data }) => data.value?.similarities && kept.answers.push(data.value));
      }
      /** @param {any} message @param {any} [transfer] */
      postMessage(message, transfer) {
        if (message.type === "inspect") kept.asked.push(message.place);
        if (message.type === "detect" && message.key === 1) kept.asked.push("detect");
        super.postMessage(message, transfer);
      }
    };
  });
}

/**
 * Scrolls to a block on a pane, and returns its middle.
 * @param {Page} page
 * @param {string} testid
 * @param {number} row from 1
 * @param {number} column from 1
 */
async function middleOf(page, testid, row, column) {
  await page.getByTestId(testid).scrollIntoViewIfNeeded();
  const box = await page.getByTestId(testid).boundingBox();
  assert.ok(box);
  return { x: box.x + ((column - 0.5) / 8) * box.width, y: box.y + ((row - 0.5) / 8) * box.height };
}

/** @param {Page} page @param {number} row @param {number} column */
function shown(page, row, column) {
  return page.waitForSelector(`${WHOLE}[data-block="${row},${column}"]`, { timeout: 20_000, state: "attached" });
}

/** Checks everything that the card shows against the worker's answers. @param {Page} page */
async function assertWhole(page) {
  const { rows, answers } = await page.evaluate(() => {
    const variance = (/** @type {HTMLCanvasElement} */ canvas) => {
      const pixels = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
      return { side: canvas.width, values: new Set(pixels).size };
    };
    const rows = [...document.querySelectorAll(".inside-scale")].map((row) => ({
      title: row.querySelector("h3")?.textContent,
      pictures: [...row.querySelectorAll("canvas")].map(variance),
      summary: { .../** @type {HTMLElement} */ (row.querySelector(".inside-summary")).dataset },
      items: [.../** @type {NodeListOf<HTMLElement>} */ (row.querySelectorAll(".inside-items li"))].map(({ dataset }) => ({ ...dataset })),
    }));
    const answers = /** @type {any} */ (window).answers.map((/** @type {any} */ { query: _, answer: __, items, similarities, ...rest }) => ({ ...rest, similarities: [...similarities], items: items.map((/** @type {any} */ { picture: _, ...item }) => item) }));
    return { rows, answers: answers.slice(-4) };
  });
  assert.deepEqual(rows.map(({ title }) => title), [64, 32, 16, 8].map((side, at) => `Scale ${at + 1} maps of ${side} × ${side}`));
  assert.equal(answers.length, SCALES);
  rows.forEach(({ pictures, summary, items }, scale) => {
    const answer = answers[scale];
    assert.equal(pictures.length, 7);
    for (const { side, values } of pictures) assert.ok(side === 16 && values > 8, "a picture is not blank");
    assert.ok(answer.survivors >= 1 && answer.survivors < answer.count);
    assert.ok(answer.effectiveItems > 1 && answer.effectiveItems <= answer.survivors + 1e-6, "addressing is soft");
    assert.deepEqual([Number(summary["survivors"]), Number(summary["count"]), Number(summary["effective"])], [answer.survivors, answer.count, answer.effectiveItems]);
    assert.deepEqual(items.map(({ index, weight, similarity }) => ({ index: Number(index), weight: Number(weight), similarity: Number(similarity) })), answer.items);
    items.forEach(({ weight }, at) => assert.ok(at === 0 || Number(weight) <= Number(items[at - 1]?.["weight"]), "weights descend"));
  });
  await page.locator(".inside-formula").evaluate((details) => details.setAttribute("open", ""));
  for (let scale = 0; scale < SCALES; scale++) {
    await page.locator(".inside-tabs button").nth(scale).click();
    const terms = await page.evaluate(() => Object.fromEntries([.../** @type {NodeListOf<MathMLElement>} */ (document.querySelectorAll(".inside-steps [data-term]"))].map(({ dataset }) => [dataset["term"], Number(dataset["value"])])));
    const { similarities, items, weightSum, likeness, count, survivors } = answers[scale];
    const powers = similarities.map(Math.exp);
    const sum = powers.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b);
    const kept = powers.map((/** @type {number} */ power) => power / sum).filter((/** @type {number} */ weight) => weight >= (1 - 1e-4) / count);
    near(terms["similarity"], Math.max(...similarities), "s");
    near(terms["sum"], sum, "the sum");
    near(terms["weight"], items[0].weight, "w");
    near(terms["weight"], (terms["power"] ?? 0) / (terms["sum"] ?? 1), "w as a quotient");
    near(terms["cut"], 1 / count, "1/N");
    near(terms["weight-sum"], weightSum, "the sum of the weights that stay");
    near(weightSum, kept.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b), "the same from the similarities");
    near(terms["likeness"], likeness, "likeness");
    assert.equal(survivors, kept.length);
  }
  await page.locator(".inside-tabs button").first().click();
}

/** @param {number | undefined} actual @param {number} expected @param {string} what */
function near(actual, expected, what) {
  assert.ok(Math.abs((actual ?? NaN) - expected) <= 1e-4 * Math.abs(expected), `${what}: got ${actual}, expected ${expected}`);
}

/** The places of the outlines, as shares of their panes. @param {Page} page */
function outlines(page) {
  return page.evaluate(() => [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".inside-mark:not([hidden])"))].map(({ style }) => [style.top, style.left]));
}

describe("a block is chosen", () => {
  test("by pointing: the outline follows at once, the choice after a moment, and it stays when the pointer leaves", async (t) => {
    const { page, close } = await openJudged();
    const from = await middleOf(page, "reconstruction", 2, 2);
    await page.mouse.move(from.x, from.y);
    await shown(page, 2, 2);
    await assertWhole(page);
    const to = await middleOf(page, "reconstruction", 3, 6);
    const timing = page.evaluate(() => new Promise((resolve) => {
      const pane = document.querySelector("[data-testid=reconstruction]")?.parentElement;
      const card = /** @type {HTMLElement} */ (document.querySelector("#inside"));
      let moved = 0;
      pane?.addEventListener("pointermove", () => (moved ||= performance.now()));
      new MutationObserver((_, observer) => {
        if (card.dataset["state"] !== "whole" || card.dataset["block"] !== "3,6") return;
        observer.disconnect();
        resolve(performance.now() - moved);
      }).observe(card, { attributes: true });
    }));
    await page.mouse.move(to.x, to.y);
    assert.deepEqual(await outlines(page), Array(3).fill(["25%", "62.5%"]));
    t.diagnostic(`from pointing to all four scales: ${Math.round(Number(await timing))} ms, 120 ms of it waiting for the pointer to rest`);
    await assertWhole(page);
    await page.mouse.move(2, 2);
    await page.waitForTimeout(300);
    assert.deepEqual(await outlines(page), Array(3).fill(["25%", "62.5%"]));
    await page.waitForFunction(() => location.search.includes("inside=3%2C6"));
    await close();
  });

  test("by tapping on a phone", async () => {
    const { page, close } = await openJudged("", { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    const { x, y } = await middleOf(page, "error-map", 7, 3);
    await page.touchscreen.tap(x, y);
    await shown(page, 7, 3);
    await assertWhole(page);
    await close();
  });

  test("by a link, then with the keyboard, and let go with Escape", async (t) => {
    const { page, close } = await openJudged("&inside=4,4");
    await shown(page, 4, 4);
    await assertWhole(page);
    await page.locator(".choosable[tabindex]").focus();
    const since = await page.evaluate(() => performance.now());
    await page.keyboard.press("ArrowRight");
    await shown(page, 4, 5);
    t.diagnostic(`from the key to all four scales: at most ${Math.round((await page.evaluate(() => performance.now())) - since)} ms`);
    await assertWhole(page);
    await page.locator(".choosable[tabindex]").focus();
    for (const key of ["ArrowDown", "Home", "ArrowLeft"]) await page.keyboard.press(key);
    await shown(page, 5, 1);
    await assertWhole(page);
    await page.locator(".choosable[tabindex]").focus();
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => document.querySelector("#inside-said")?.textContent?.includes("where the error is largest"));
    await page.waitForFunction(() => !location.search.includes("inside="));

    for (const key of ["Home", "ArrowRight"]) await page.keyboard.press(key);
    const release = page.locator("#inside").getByRole("button", { name: "Where the error is largest" });
    assert.equal(await release.getAttribute("aria-disabled"), "false");
    await release.focus();
    await page.keyboard.press("Enter");
    assert.equal(await release.getAttribute("aria-disabled"), "true");
    assert.ok(await release.evaluate((button) => button === document.activeElement), "the focus stays");
    await close();
  });

  test("by itself where the error is largest, once the card is seen and not before", async () => {
    const { page, close } = await openJudged("", { viewport: { width: 1280, height: 500 } });
    await page.waitForTimeout(400);
    assert.ok((await page.evaluate(() => /** @type {any} */ (window).asked)).every((/** @type {unknown} */ request) => typeof request === "string"), "nothing was asked for");
    await page.locator("#inside").scrollIntoViewIfNeeded();
    await page.waitForSelector(WHOLE);
    await assertWhole(page);
    assert.doesNotMatch(page.url(), /inside=/);
    await close();
  });
});

describe("the engine", () => {
  test("is asked for the newest choice alone, and for nothing twice", async () => {
    const { page, close } = await openJudged("&inside=1,1");
    await shown(page, 1, 1);
    await page.locator(".choosable[tabindex]").focus();
    await page.evaluate(() => (/** @type {any} */ (window).asked.length = 0));
    await page.evaluate(() => {
      for (let press = 0; press < 7; press++) document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true, cancelable: true }));
    });
    await shown(page, 1, 8);
    const asked = await page.evaluate(() => /** @type {any} */ (window).asked);
    assert.deepEqual(asked.map((/** @type {any} */ { scale, column }) => [scale, column]), [[0, 1], ...[0, 1, 2, 3].map((scale) => [scale, 7])]);
    await page.keyboard.press("Home");
    await shown(page, 1, 1);
    assert.equal((await page.evaluate(() => /** @type {any} */ (window).asked)).length, asked.length);
    await close();
  });

  test("judges another image first, and then looks into the same block of it", async () => {
    const { page, close } = await openJudged("&inside=2,3");
    await shown(page, 2, 3);
    const before = await page.locator(".inside-items").first().textContent();
    await page.evaluate(() => (/** @type {any} */ (window).asked.length = 0));
    await page.locator(".choosable[tabindex]").focus();
    await page.keyboard.press("ArrowRight");
    await page.getByTestId("gallery-item").last().click();
    await page.waitForFunction(() => document.querySelector("[data-testid=status]")?.textContent === "ready");
    await shown(page, 2, 4);
    const asked = await page.evaluate(() => /** @type {any} */ (window).asked);
    const judged = asked.indexOf("detect");
    assert.ok(judged >= 0);
    assert.deepEqual(asked.slice(judged + 1).map((/** @type {any} */ { scale }) => scale), [0, 1, 2, 3]);
    await assertWhole(page);
    assert.notEqual(await page.locator(".inside-items").first().textContent(), before);
    await close();
  });

  test("without memory at a scale says so", async () => {
    const { page, close } = await openJudged("&inside=1,1", { prepare: stubEngine });
    await shown(page, 1, 1);
    assert.equal(await page.locator(".inside-failed").textContent(), "No memory is at this scale: the map goes through as it is.");
    await close();
  });

  test("that stops while it looks says so, and starts again with the next image", async () => {
    const { page, close } = await openJudged("&inside=2,1", { prepare: stubEngine });
    await shown(page, 2, 1);
    assert.match((await page.locator(".inside-failed").textContent()) ?? "", /^The engine stopped unexpectedly\. .*To look into it, judge the image again\.$/);
    await page.locator(".choosable[tabindex]").focus();
    await page.keyboard.press("ArrowUp");
    await choose(page, Buffer.from("an image"));
    await page.waitForFunction(() => document.querySelector("#subject")?.textContent === "test.png");
    await shown(page, 1, 1);
    assert.match((await page.locator(".inside-failed").textContent()) ?? "", /^No memory/);
    await close();
  });

  test("that stopped at another image and started anew still looks into this one", async () => {
    const { page, close } = await openJudged("&inside=1,1", { prepare: stubEngine });
    await shown(page, 1, 1);
    await choose(page, Buffer.from("PANIC"));
    await page.waitForFunction(() => document.querySelector("[data-testid=status]")?.textContent === "error");
    assert.doesNotMatch((await page.locator("#inside-said").textContent()) ?? "", /anew/, "what is known stays");
    await page.locator(".choosable[tabindex]").focus();
    await page.keyboard.press("ArrowRight");
    await shown(page, 1, 2);
    assert.match((await page.locator(".inside-failed").textContent()) ?? "", /^No memory/);
    await close();
  });

  test("of a system without blocks has none to choose", async () => {
    const stub = await readFile(new URL("./support/stub-engine.js", import.meta.url), "utf8");
    const { page, close } = await openJudged("&inside=1,1", {
      prepare: (page) => page.route("**/engines/*/daad.js", (route) => route.fulfill({ body: stub.replace(/division: \{[^}]*\}/, "division: null"), contentType: "text/javascript" })),
    });
    await page.waitForSelector("#inside[data-state=none]");
    assert.match((await page.locator("#inside-said").textContent()) ?? "", /none to look into/);
    assert.equal(await page.locator(".choosable").count(), 0);
    await close();
  });
});

describe("an accessibility checker finds nothing", () => {
  testAccessibility("inside", "#inside", async (options) => {
    const opened = await openJudged("&inside=3,4", options);
    await shown(opened.page, 3, 4);
    await opened.page.locator(".inside-formula").evaluate((details) => details.setAttribute("open", ""));
    return opened;
  });
});
