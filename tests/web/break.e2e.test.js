/** Tests "Break it", painting defects into an image, in a real browser. Needs DAAD_SITE, a folder made by scripts/site.mjs. Optional: CHROMIUM; DAAD_SCREENSHOTS, a folder to put pictures into. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import test, { before, describe } from "node:test";
import { testAccessibility } from "./support/axe.js";
import { browse, SITE } from "./support/browser.js";
import { choose, drawn, open, reading, settle, stubEngine, text, value, watchStatus } from "./support/page.js";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("../../www/try/break/strokes.js").Tool} Tool */

/** @type {string[]} */
let normal;

const web = browse();

before(async () => {
  /** @type {{ galleries: import("../../www/shared/types.js").Gallery[] }} */
  const { galleries } = JSON.parse(await readFile(join(SITE, "gallery/gallery.json"), "utf8"));
  const samples = galleries.find(({ model }) => model === "piped")?.samples ?? [];
  normal = samples.filter(({ label }) => label === "normal").map(({ file }) => file);
});

/**
 * Opens the page with a normal image, and waits until it is judged and the tools are ready.
 * @param {Parameters<typeof open>[2]} [options]
 */
async function openNormal(options = {}, query = "backend=wasm&") {
  const opened = await web.open(`?${query}model=piped&sample=${normal[0]}`, options);
  const before = await reading(opened.page);
  await opened.page.locator("#break [data-tool]:enabled").first().waitFor();
  return { ...opened, before };
}

/** Waits until the score includes all strokes. @param {Page} page */
async function live(page) {
  await page.locator("#break[aria-busy=false]").waitFor();
  return /** @type {number} */ (await value(page, "score"));
}

/**
 * Drags the mouse over the input. Places are shares of the input's size. The image is judged after each of the moves from place to place.
 * @param {Page} page
 * @param {[x: number, y: number][]} places
 */
async function drag(page, places, { release = true, moves = 6 } = {}) {
  const canvas = page.getByTestId("break-canvas");
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  assert.ok(box);
  for (const [i, [x, y]] of places.entries()) {
    await page.mouse.move(box.x + x * box.width, box.y + y * box.height, { steps: i === 0 ? 1 : moves });
    if (i === 0) await page.mouse.down();
  }
  if (release) await page.mouse.up();
}

/** @param {Page} page @param {string} testid */
function picture(page, testid) {
  return page.getByTestId(testid).evaluate((canvas) => /** @type {HTMLCanvasElement} */ (canvas).toDataURL());
}

describe("a defect put into a normal image", () => {
  test("scratches its score beyond the threshold while the scratch is drawn, and undo brings back exactly the earlier one", async () => {
    const { page, close, before } = await openNormal();
    const threshold = (await value(page, "threshold")) ?? NaN;
    assert.equal(before.verdict, "Normal");
    const pictures = () => Promise.all(["input", "reconstruction", "error-map", "break-canvas"].map((pane) => picture(page, pane)));
    const unpainted = await pictures();
    const chart = await page.locator("#histogram[aria-label]").getAttribute("aria-label");
    const statuses = await watchStatus(page);

    await page.getByTestId("break-scratch").click();
    await drag(page, [[0.2, 0.3], [0.8, 0.7]], { release: false });
    assert.ok((await live(page)) > threshold, "the pointer is still down");
    assert.equal(await text(page, "verdict"), "Anomalous");
    assert.match(await text(page, "break-score"), /normal before, anomalous now/);
    assert.notEqual(await page.locator("#histogram[aria-label]").getAttribute("aria-label"), chart);
    (await pictures()).forEach((now, pane) => assert.notEqual(now, unpainted[pane]));
    assert.equal(await picture(page, "break-canvas"), await picture(page, "input"), "what is painted is what was judged");
    await page.mouse.up();

    await page.getByTestId("break-hole").click();
    const one = await live(page);
    await drag(page, [[0.7, 0.2]]);
    assert.notEqual(await live(page), one);
    await page.getByTestId("break-undo").click();
    assert.equal(await live(page), one);
    await page.getByTestId("break-undo").click();
    assert.equal(await live(page), before.score);
    assert.ok(await page.getByTestId("break-undo").isDisabled());
    await page.waitForTimeout(300); // time for the engine to judge the original image again
    const { score, reconstructionScore, alignmentScore, verdict } = await reading(page);
    assert.deepEqual([score, reconstructionScore, alignmentScore, verdict], [before.score, before.reconstructionScore, before.alignmentScore, "Normal"]);
    assert.deepEqual(await pictures(), unpainted);
    assert.equal(await text(page, "break-score"), "");
    assert.ok(!(await statuses()).includes("working"), "the status does not flicker");
    await close();
  });

  test("of every other kind is seen too, on every normal image", async () => {
    const { page, close } = await openNormal();
    const threshold = (await value(page, "threshold")) ?? NaN;
    const place = [[0.7, 0.4]];
    const line = [[0.3, 0.7], ...place];
    for (const file of normal) {
      await page.locator(`[data-file="${file}"]`).click();
      const before = await reading(page);
      for (const [tool, places] of /** @type {[Tool, [number, number][]][]} */ ([["brush", line], ["stain", place], ["hole", place], ["missing", place], ["scratch", line]])) {
        const button = page.getByTestId(`break-${tool}`);
        if ((await button.getAttribute("aria-pressed")) === "false") await button.click();
        await drag(page, places, { moves: 1 });
        const score = await live(page);
        assert.ok(score > threshold, `${tool} on ${file}: ${score}`);
        await page.getByTestId("break-undo").click();
        assert.equal(await live(page), before.score, `${tool} on ${file}, undone`);
      }
    }
    await close();
  });

  test("by the keyboard alone, and taken back by it", async () => {
    const { page, close, before } = await openNormal();
    await page.getByTestId("break-brush").focus();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assert.equal(await page.getByTestId("break-scratch").getAttribute("aria-pressed"), "true");
    for (let press = 0; press < 6; press++) await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "break-canvas");
    assert.ok(await page.locator("#break-cursor").isVisible());
    for (const key of ["ArrowLeft", "ArrowLeft", "ArrowDown"]) await page.keyboard.press(key);
    const said = () => page.locator("#break-said").textContent();
    assert.equal(await said(), "44 % from the left, 53 % from the top.");
    await page.keyboard.press("Space");
    assert.ok((await live(page)) > ((await value(page, "threshold")) ?? NaN));
    await page.waitForFunction(() => document.querySelector("#break-said")?.textContent?.startsWith("Score"));
    assert.equal(await said(), await text(page, "break-score"));
    await page.keyboard.press("Control+z");
    assert.equal(await live(page), before.score);
    await page.waitForFunction(() => document.querySelector("#break-said")?.textContent === "The image is as it was.");
    await page.keyboard.press("Space");
    assert.notEqual(await live(page), before.score);
    await page.getByTestId("break-undo").focus();
    await page.keyboard.press("Enter");
    assert.equal(await live(page), before.score);
    assert.equal(await page.evaluate(() => document.activeElement?.id), "break-undo", "the focus stays");
    assert.equal(await page.getByTestId("break-undo").getAttribute("aria-disabled"), "true");
    await page.getByTestId("break-canvas").focus();
    await page.keyboard.press("Escape");
    assert.equal(await page.locator("#break [aria-pressed=true]").count(), 0);
    await page.keyboard.press("Enter");
    assert.match((await said()) ?? "", /^Choose a tool/);
    assert.equal(await live(page), before.score);
    await close();
  });

  test("by touch on a phone, where the page scrolls as long as no tool is chosen", async () => {
    const { page, close, before } = await openNormal({ viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true });
    const canvas = page.getByTestId("break-canvas");
    const cdp = await page.context().newCDPSession(page);
    await canvas.scrollIntoViewIfNeeded();
    /** Drags a finger over the input. @param {[x: number, y: number][]} places */
    const swipe = async (places) => {
      const box = await canvas.boundingBox();
      assert.ok(box);
      for (const [i, [x, y]] of places.entries()) {
        await cdp.send("Input.dispatchTouchEvent", { type: i === 0 ? "touchStart" : "touchMove", touchPoints: [{ x: box.x + x * box.width, y: box.y + y * box.height }] });
        await page.waitForTimeout(30);
      }
      await cdp.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
      await page.waitForTimeout(100);
    };
    /** @type {[x: number, y: number][]} */
    const up = [[0.5, 0.9], [0.5, 0.7], [0.5, 0.5], [0.5, 0.3], [0.5, 0.1]];
    const scrolled = () => page.evaluate(() => scrollY);

    const start = await scrolled();
    await swipe(up);
    const after = await scrolled();
    assert.ok(after > start, "without a tool a finger scrolls the page");
    assert.equal(await live(page), before.score);
    await page.getByTestId("break-scratch").click();
    await canvas.scrollIntoViewIfNeeded();
    const there = await scrolled();
    await swipe(up);
    assert.equal(await scrolled(), there, "with a tool it paints");
    assert.ok((await live(page)) > ((await value(page, "threshold")) ?? NaN));
    await page.getByTestId("break-clear").click();
    assert.equal(await live(page), before.score);
    await close();
  });

  test("is judged while the pointer moves, and it is said how soon", async (t) => {
    const { page, close } = await openNormal();
    await page.getByTestId("break-scratch").click();
    await drag(page, [[0.2, 0.2], [0.3, 0.3]], { release: false });
    const box = await page.getByTestId("break-canvas").boundingBox();
    assert.ok(box);
    const times_ms = await page.getByTestId("break-canvas").evaluateHandle((canvas) => {
      /** @type {number[]} */
      const times_ms = [];
      canvas.addEventListener("pointermove", () => {
        const start = performance.now();
        const busy = /** @type {HTMLElement} */ (document.querySelector("#break"));
        const observer = new MutationObserver(() => {
          if (busy.getAttribute("aria-busy") === "true") return;
          observer.disconnect();
          requestAnimationFrame(() => setTimeout(() => times_ms.push(performance.now() - start))); // after the frame is painted
        });
        observer.observe(busy, { attributeFilter: ["aria-busy"] });
      }, { capture: true });
      return times_ms;
    });
    for (let i = 0; i < 20; i++) {
      await page.mouse.move(box.x + (0.35 + 0.02 * i) * box.width, box.y + 0.5 * box.height);
      await page.waitForFunction((times) => times.length > 0 && document.querySelector("#break")?.getAttribute("aria-busy") === "false", times_ms);
      await drawn(page);
    }
    const sorted = (await times_ms.jsonValue()).sort((a, b) => a - b);
    const [best = NaN, median = NaN, most = NaN] = [0, 0.5, 0.9].map((share) => sorted[Math.floor(share * sorted.length)]);
    t.diagnostic(`from a move to the score on the screen: best ${best.toFixed(0)} ms, median ${median.toFixed(0)} ms, nine of ten within ${most.toFixed(0)} ms; ${await text(page, "backend")}`);
    assert.ok(sorted.length >= 15, `${sorted.length} moves`);
    await close();
  });
});

describe("what was painted", () => {
  test("is judged as the visitor judges, and painted where the input is to be seen", async () => {
    const { page, close, before } = await openNormal({}, "backend=wasm&view=swipe&threshold=1000&");
    assert.ok(await page.getByTestId("break-canvas").isHidden());
    await page.getByTestId("break-hole").click();
    assert.ok(await page.getByTestId("break-canvas").isVisible());
    await drag(page, [[0.5, 0.5]]);
    assert.ok((await live(page)) > before.score);
    assert.equal(await text(page, "verdict"), "Normal");
    assert.match(await text(page, "break-score"), /: still normal\.$/);
    await close();
  });

  test("ends with another image, or with the same one chosen anew", async () => {
    const { page, close, before } = await openNormal();
    await page.getByTestId("break-hole").click();
    for (const file of [normal[1], normal[0]]) {
      await drag(page, [[0.5, 0.5]]);
      await live(page);
      assert.match(page.url(), /sample=/);
      await page.locator(`[data-file="${file}"]`).click();
      const { verdict } = await reading(page);
      assert.equal(verdict, "Normal");
      assert.ok(await page.getByTestId("break-undo").isDisabled());
    }
    assert.equal(await value(page, "score"), before.score);
    await close();
  });

  test("is judged again by another engine, and still can be taken back", async () => {
    const { page, close, before } = await openNormal({}, "");
    await page.getByTestId("break-hole").click();
    await drag(page, [[0.5, 0.5]]);
    const painted = await live(page);
    const seen = await page.getByTestId("score").evaluateHandle((score) => {
      /** @type {(string | undefined)[]} */
      const seen = [];
      new MutationObserver(() => seen.push(/** @type {HTMLElement} */ (score).dataset["value"])).observe(score, { attributes: true });
      return seen;
    });
    await page.locator("#choice").selectOption("wasm");
    assert.equal((await reading(page)).score, painted);
    assert.equal(await live(page), painted);
    assert.deepEqual(new Set(await seen.jsonValue()), new Set([String(painted)]), "the card shows nothing in between");
    await page.getByTestId("break-undo").click();
    assert.equal(await live(page), before.score);
    await close();
  });

  test("stays when a file is refused, and goes on", async () => {
    const { page, close } = await openNormal({ prepare: stubEngine });
    await page.getByTestId("break-brush").click();
    await page.getByTestId("break-pen").selectOption("white");
    await drag(page, [[0.5, 0.5]]);
    assert.equal(await live(page), 2);
    await choose(page, Buffer.from("REFUSE"));
    assert.equal((await settle(page)).status, "error");
    assert.equal(await value(page, "score"), 2);
    await page.getByTestId("break-undo").click();
    assert.deepEqual([await live(page), (await settle(page)).status], [1, "ready"]);
    await close();
  });

  test("is judged although a file that is refused took its turn", async () => {
    const { page, close } = await openNormal({ prepare: stubEngine });
    await page.getByTestId("break-brush").click();
    await page.getByTestId("break-pen").selectOption("white");
    // In one task, so that the engine cannot judge the stroke before the file.
    await page.evaluate(() => {
      document.querySelector("#break-canvas")?.dispatchEvent(new KeyboardEvent("keydown", { key: " ", bubbles: true }));
      const data = new DataTransfer();
      data.items.add(new File(["REFUSE"], "letter.txt", { type: "text/plain" }));
      document.body.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: data }));
    });
    assert.equal((await settle(page)).status, "error");
    assert.equal(await live(page), 2);
    assert.notEqual(await text(page, "break-score"), "");
    await close();
  });

  test("that stops the engine costs one image, not the page", async () => {
    const { page, close } = await openNormal({ prepare: stubEngine });
    await page.getByTestId("break-missing").click();
    await drag(page, [[0.5, 0.5]]);
    await page.waitForFunction(() => document.querySelector("#message")?.textContent?.startsWith("The engine stopped"));
    assert.equal((await settle(page)).status, "error");
    assert.match((await page.locator("#break-how").textContent()) ?? "", /^Press on the input/, "it can be undone");
    await choose(page, Buffer.from("any image"));
    await reading(page);
    assert.ok(await page.getByTestId("break-undo").isDisabled());
    assert.match((await page.locator("#break-how").textContent()) ?? "", /^Press on the input/);
    await close();
  });
});

describe("an accessibility checker finds nothing, and nothing jumps", () => {
  testAccessibility("break", "#result", async (options) => {
    const opened = await openNormal(options);
    const { page } = opened;
    const top = () => page.getByTestId("break-canvas").evaluate((canvas) => canvas.getBoundingClientRect().top - (document.querySelector("#result")?.getBoundingClientRect().top ?? NaN));
    const start = await top();
    for (const [tool, place] of /** @type {[Tool, [number, number]][]} */ ([["scratch", [0.4, 0.45]], ["stain", [0.25, 0.7]], ["hole", [0.8, 0.25]], ["missing", [0.7, 0.75]]])) {
      await page.getByTestId(`break-${tool}`).click();
      await drag(page, [place]);
      await live(page);
      assert.ok(Math.abs((await top()) - start) < 1, `${tool} moves the input`);
    }
    await page.getByTestId("break-canvas").focus();
    await page.keyboard.press("ArrowUp");
    return opened;
  });
});
