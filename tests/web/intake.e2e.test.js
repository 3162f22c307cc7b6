/** Tests every way to give an image, in a real browser: files of any name and type, frames, images to train on. Needs DAAD_SITE, a folder made by scripts/site.mjs. Optional: CHROMIUM. */

import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { describe } from "node:test";
import { browse } from "./support/browser.js";
import { choose, goTo, open, reading, settle, stubEngine } from "./support/page.js";
import { teachable } from "./support/teach.js";

/** @typedef {import("playwright-core").Page} Page */

const web = browse(["--use-fake-ui-for-media-stream"]);
const SHEET = new URL("../../www/gallery/piped/PA_GLA01_TL_S_D_02_2.png", import.meta.url);
const AVIF = new URL("./support/small.avif", import.meta.url);

/** @param {Parameters<typeof open>[2]} [options] */
async function openPage(options = {}) {
  const opened = await web.open("?backend=wasm", options);
  await reading(opened.page);
  await teachable(opened.page);
  return opened;
}

/** Returns a PNG file of a sheet from the gallery, larger than the network's image, and makes the camera show the same pixels. @param {Page} page */
async function pictureOfCamera(page) {
  const sheet = (await readFile(SHEET)).toString("base64");
  const url = await page.evaluate(async (sheet) => {
    const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(sheet), (letter) => letter.charCodeAt(0))]));
    const canvas = Object.assign(document.createElement("canvas"), { width: 400, height: 304 });
    const context = canvas.getContext("2d") ?? (() => { throw new Error("no canvas"); })();
    context.imageSmoothingQuality = "high";
    const draw = () => context.drawImage(bitmap, 0, 0, 400, 304);
    draw();
    setInterval(draw, 50);
    navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(20);
    return canvas.toDataURL();
  }, sheet);
  return Buffer.from(url.slice(url.indexOf(",") + 1), "base64");
}

/** @param {number | null} got @param {number} expected */
function assertSame(got, expected) {
  assert.ok(got !== null && Math.abs(got - expected) <= 1e-3, `${got} is not ${expected}`);
}

/** @param {Page} page @param {Buffer} bytes */
async function scoreOf(page, bytes) {
  await choose(page, bytes);
  return (await reading(page)).score;
}

describe("the same picture", () => {
  test("scores the same as a file, as a frame of a camera, and as a frame to learn from", async () => {
    const { page, close } = await openPage({
      prepare: (page) =>
        page.addInitScript(() => {
          const post = Worker.prototype.postMessage;
          Worker.prototype.postMessage = function (/** @type {any} */ message, /** @type {any} */ ...rest) {
            if (message?.type === "train") Object.assign(window, { lesson: [...message.images[0]] });
            return post.call(this, message, ...rest);
          };
        }),
    });
    const expected = await scoreOf(page, await pictureOfCamera(page));

    await page.getByTestId("live-camera").click();
    // The score of a camera is smoothed over half a second, so it comes to the image's score by and by.
    await page.waitForFunction((expected) => Math.abs(Number(document.querySelector("[data-testid=live-score]")?.textContent) - expected) <= 1e-3, Number(expected.toFixed(4)));
    await page.getByTestId("live-stop").click();

    await goTo(page, "teach");
    await page.getByTestId("teach-camera").click();
    await page.waitForFunction(() => document.querySelectorAll("[data-testid=teach-photo]").length >= 8, null, { timeout: 30_000 });
    await page.getByTestId("teach-camera").click();
    await page.getByTestId("teach-start").click();
    await page.waitForFunction(() => "lesson" in window, null, { timeout: 60_000 });
    const lesson = Buffer.from(await page.evaluate(() => /** @type {any} */ (window).lesson));
    await page.getByTestId("teach-give-up").click();
    assertSame(await scoreOf(page, lesson), expected);
    await close();
  });
});

describe("files", () => {
  test("that are chosen before the script is there are judged", async () => {
    const { page, close } = await web.open("?backend=wasm", {
      prepare: async (page) => {
        await stubEngine(page);
        // The page's own script waits for the same event, which reaches it later.
        await page.addInitScript(() =>
          document.addEventListener("DOMContentLoaded", () => {
            const data = new DataTransfer();
            data.items.add(new File(["any image"], "early.png", { type: "image/png" }));
            /** @type {HTMLInputElement} */ (document.querySelector("#file")).files = data.files;
          }),
        );
      },
    });
    await page.waitForFunction(() => document.querySelector("#subject")?.textContent === "early.png");
    await reading(page);
    await close();
  });

  test("without a type or an ending, of a wrong type, and of a kind that the browser alone reads are taken to judge and to learn from", async () => {
    const { page, close } = await openPage();
    const sheet = await readFile(SHEET);
    const files = [
      { name: "noending", mimeType: "", buffer: sheet },
      { name: "photo.bmp", mimeType: "image/x-ms-bmp", buffer: sheet },
      { name: "small.avif", mimeType: "image/avif", buffer: await readFile(AVIF) },
    ];
    for (const { name, mimeType, buffer } of files) {
      await choose(page, buffer, name, mimeType);
      const { status, message } = await settle(page);
      assert.equal(status, "ready", message);
      assert.match(message, new RegExp(name));
    }
    await page.getByTestId("teach-files").setInputFiles(files);
    await page.waitForFunction(() => document.querySelector("[data-testid=teach-number]")?.textContent === "3 images");
    await close();
  });

  test("that changed after they were chosen are told in a sentence", async () => {
    const { page, close } = await openPage();
    const path = join(tmpdir(), `daad-changed-${process.pid}.png`);
    await writeFile(path, await readFile(SHEET));
    await page.evaluate(() => document.querySelector("#file")?.addEventListener("change", (event) => event.stopImmediatePropagation(), { capture: true, once: true }));
    await page.getByTestId("file").setInputFiles(path);
    await rm(path);
    await page.evaluate(() => document.querySelector("#file")?.dispatchEvent(new Event("change")));
    await page.waitForFunction(() => /was changed or removed after it was chosen/.test(document.querySelector("#message")?.textContent ?? ""));
    await close();
  });

  test("too large for the page are told wherever images are taken", async () => {
    const { page, close } = await openPage();
    const path = join(tmpdir(), `daad-large-${process.pid}.png`);
    await writeFile(path, Buffer.alloc(65e6));
    for (const input of ["teach-files", "teach-picture"]) {
      await page.getByTestId(input).setInputFiles(path);
      await page.waitForFunction(() => /has 65 MB; images up to 64 MB are accepted\./.test(document.querySelector("[data-testid=teach-notice]")?.textContent ?? ""));
      await page.getByTestId("teach-files").setInputFiles(new URL(SHEET).pathname);
      await page.waitForFunction(() => document.querySelector("[data-testid=teach-notice]")?.textContent === "");
    }
    await rm(path);
    await close();
  });

  test("a sound given as a video has no picture, and the page says so", async () => {
    const { page, close } = await openPage();
    const wave = Buffer.alloc(44 + 16000, 0x80);
    wave.write("RIFF", 0);
    wave.writeUInt32LE(36 + 16000, 4);
    wave.write("WAVEfmt ", 8);
    wave.writeUInt32LE(16, 16);
    for (const [at, value] of /** @type {const} */ ([[20, 1], [22, 1], [32, 1], [34, 8]])) wave.writeUInt16LE(value, at);
    for (const at of [24, 28]) wave.writeUInt32LE(8000, at);
    wave.write("data", 36);
    wave.writeUInt32LE(16000, 40);
    await page.locator("[data-testid=live-file]:enabled").setInputFiles({ name: "sound.wav", mimeType: "video/mp4", buffer: wave });
    await page.waitForFunction(() => document.querySelector("[data-testid=live-verdict]")?.textContent === "There is no picture in sound.wav: it is sound alone.");
    await close();
  });
});

describe("the focus", () => {
  test("stays at hand after a reset, and after a row is removed", async () => {
    const { page, close } = await openPage();
    const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.getAttribute("aria-label"));
    await page.getByTestId("threshold-slider").focus();
    await page.keyboard.press("End");
    await page.locator("#threshold-reset").focus();
    await page.keyboard.press("Enter");
    assert.equal(await focused(), "threshold-reset");
    assert.equal(await page.locator("#threshold-reset").getAttribute("aria-disabled"), "true");

    const buffer = await readFile(SHEET);
    await page.getByTestId("file").setInputFiles(["a", "b", "c"].map((name) => ({ name: `${name}.png`, mimeType: "image/png", buffer })));
    await page.waitForFunction(() => document.querySelectorAll("[data-testid=list-row]").length === 3);
    for (const [removed, next] of [["b", "Remove c.png"], ["c", "Remove a.png"], ["a", "file"]]) {
      await page.getByRole("button", { name: `Remove ${removed}.png` }).focus();
      await page.keyboard.press("Enter");
      assert.equal(await focused(), next);
    }
    await close();
  });
});
