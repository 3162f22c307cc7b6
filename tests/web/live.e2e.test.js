/** Tests camera and video in a real browser. Needs DAAD_SITE, a folder made by scripts/site.mjs. Optional: CHROMIUM; DAAD_SCREENSHOTS, a folder to put pictures into. */

import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { testAccessibility } from "./support/axe.js";
import { browse } from "./support/browser.js";
import { open, reading, text, value } from "./support/page.js";

/** @typedef {import("playwright-core").Page} Page */

const FAKE_CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];

const web = browse(FAKE_CAMERA);

/** @param {Parameters<typeof open>[2]} [options] */
async function openPage(options = {}) {
  const opened = await web.open(`?backend=wasm&model=piped`, options);
  await reading(opened.page);
  await opened.page.waitForFunction(() => !(/** @type {HTMLButtonElement} */ (document.querySelector("[data-testid=live-camera]")).disabled));
  return opened;
}

/** Waits until `count` frames are judged. @param {Page} page @param {number} count */
function judged(page, count) {
  return page.waitForFunction(
    (count) => {
      const [, dropped, all] = document.querySelector("[data-testid=live-speed]")?.textContent?.match(/(\d+) of (\d+) dropped/) ?? [];
      return Number(all) - Number(dropped) >= count;
    },
    count,
    { timeout: 60_000 },
  );
}

/**
 * Records a short video in the page: one gallery image for `first_ms`, then another.
 * @param {Page} page
 * @param {string} first
 * @param {string} second
 */
async function record(page, first, second, first_ms = 1500, second_ms = 1500) {
  const bytes = await page.evaluate(
    async ([first, second, first_ms, second_ms]) => {
      const load = async (/** @type {string} */ file) => createImageBitmap(await (await fetch(`gallery/${file}`)).blob());
      const images = [await load(first), await load(second)];
      const canvas = Object.assign(document.createElement("canvas"), { width: 256, height: 256 });
      const context = canvas.getContext("2d");
      const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: "video/webm", videoBitsPerSecond: 8e6 });
      /** @type {Blob[]} */
      const parts = [];
      recorder.ondataavailable = ({ data }) => parts.push(data);
      const start = performance.now();
      const timer = setInterval(() => {
        const image = images[performance.now() - start < first_ms ? 0 : 1];
        if (image) context?.drawImage(image, 0, 0, 256, 256);
      }, 40);
      recorder.start();
      await new Promise((resolve) => setTimeout(resolve, first_ms + second_ms));
      await new Promise((resolve) => {
        recorder.onstop = resolve;
        recorder.stop();
      });
      clearInterval(timer);
      return [...new Uint8Array(await new Blob(parts).arrayBuffer())];
    },
    /** @type {const} */ ([first, second, first_ms, second_ms]),
  );
  return Buffer.from(bytes);
}

describe("live sources", () => {
  test("the camera is judged frame by frame, what comes meanwhile is dropped, and Stop lets it go", async () => {
    const { page, close } = await openPage({ permissions: ["camera"] });
    const before = await value(page, "score");
    await page.getByTestId("live-camera").click();
    await judged(page, 5);
    assert.match(await text(page, "live-verdict"), /^Unfamiliar$/);
    assert.equal(await value(page, "score"), before, "the card's own image stays");
    assert.equal(await page.evaluate(() => /** @type {any} */ (document.querySelector("#live-video")).srcObject.active), true);
    const track = await page.evaluateHandle(() => /** @type {any} */ (document.querySelector("#live-video")).srcObject.getTracks()[0]);
    await page.getByTestId("live-stop").click();
    assert.equal(await track.evaluate((track) => track.readyState), "ended");
    assert.ok(await page.getByTestId("live").isHidden());
    await close();
  });

  test("a camera that stops by itself is told, and the frame on its way does not remove that", async () => {
    const { page, close } = await openPage({ permissions: ["camera"] });
    await page.getByTestId("live-camera").click();
    await judged(page, 3);
    await page.evaluate(() => /** @type {any} */ (document.querySelector("#live-video")).srcObject.getTracks()[0].dispatchEvent(new Event("ended")));
    await page.waitForTimeout(1000); // time for frames to be judged
    assert.equal(await text(page, "live-verdict"), "The camera has stopped.");
    await page.getByTestId("live-stop").click();
    assert.ok(await page.getByTestId("live").isHidden());
    await close();
  });

  test("a video of a clean sheet that turns into a defective one is called normal, then anomalous", async () => {
    const { page, close } = await openPage();
    const video = await record(page, "piped/PA_GLA01_TL_S_ND_10_3.png", "piped/PA_GLA01_TL_S_D_02_2.png");
    /** @type {Set<string>} */
    const seen = new Set();
    await page.exposeFunction("noteVerdict", (/** @type {string} */ verdict) => seen.add(verdict));
    await page.evaluate(() => {
      const verdict = document.querySelector("[data-testid=live-verdict]");
      new MutationObserver(() => /** @type {any} */ (globalThis).noteVerdict(verdict?.textContent)).observe(/** @type {Element} */ (verdict), { childList: true, characterData: true, subtree: true });
    });
    await page.locator("[data-testid=live-file]:enabled").setInputFiles({ name: "sheet.webm", mimeType: "video/webm", buffer: video });
    await page.waitForFunction(() => /** @type {HTMLVideoElement} */ (document.querySelector("#live-video")).ended, null, { timeout: 60_000 });
    await page.waitForFunction(() => document.querySelector("[data-testid=live-verdict]")?.textContent === "Anomalous"); // the last frame may still be in progress
    assert.ok(seen.has("Normal"), [...seen].join());
    await close();
  });

  test("what is no video, and a camera that may not be used, are told in a sentence", async () => {
    const { page, close } = await openPage({ prepare: async (page) => page.addInitScript(() => {
      navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("no", "NotAllowedError"); };
    }) });
    await page.locator("[data-testid=live-file]:enabled").setInputFiles({ name: "text.mp4", mimeType: "video/mp4", buffer: Buffer.from("no video") });
    await page.waitForFunction(() => document.querySelector("[data-testid=live-verdict]")?.textContent === "This browser cannot play text.mp4.");
    await page.getByTestId("live-camera").click();
    await page.waitForFunction(() => document.querySelector("[data-testid=live-verdict]")?.textContent === "The browser was not allowed to use the camera.");
    await close();
  });
});

describe("an accessibility checker finds nothing", () => {
  testAccessibility("live", "[data-testid=live]", async (options) => {
    const opened = await openPage({ ...options, permissions: ["camera"] });
    await opened.page.getByTestId("live-camera").click();
    await judged(opened.page, 3);
    return opened;
  });
});
