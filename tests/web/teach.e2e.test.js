/** Tests a training run in a real browser, with the engine that trains. Needs DAAD_SITE, a folder made by scripts/site.mjs. Optional: CHROMIUM; DAAD_SCREENSHOTS, a folder to put pictures into. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test, { describe } from "node:test";
import { testAccessibility } from "./support/axe.js";
import { browse } from "./support/browser.js";
import { choose, chooseBackend, goTo, hold, holdFile, open, readOn, reading, stubEngine, text } from "./support/page.js";
import { PICTURE, TRAINING_MS, cutUp, number, phase, teachable } from "./support/teach.js";

/** @typedef {import("playwright-core").Page} Page */

const FAKE_CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];

const web = browse(FAKE_CAMERA);

/** @param {Parameters<typeof open>[2]} [options] */
async function openCard(options = {}) {
  const opened = await web.open(`?backend=wasm#teach`, options);
  await reading(opened.page);
  await teachable(opened.page);
  return opened;
}

/** @param {Page} page */
async function loss(page) {
  return Number(await text(page, "teach-last"));
}

/** Checks that nothing is learnt. The page reports four times a second what is learnt, and the step that was under way may still be reported. @param {Page} page */
async function rests(page) {
  const learnt = async () => [await text(page, "teach-epochs"), await loss(page)].join();
  for (let second = 0; second < 10; second++) {
    const before = await learnt();
    await page.waitForTimeout(1000);
    if ((await learnt()) === before) return;
  }
  assert.fail("paused, it still learns");
}

/** Two PNG files: a piece of the picture with a black hole in its middle, and the unchanged piece. @param {Page} page */
async function pieces(page) {
  const picture = (await readFile(PICTURE)).toString("base64");
  const [intact = "", holed = ""] = await page.evaluate(async (picture) => {
    const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0))]));
    const side = Math.floor(Math.min(bitmap.width, bitmap.height) / 4);
    const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
    const context = canvas.getContext("2d");
    context?.drawImage(bitmap, 0, 0, side, side, 0, 0, side, side);
    const intact = canvas.toDataURL();
    context?.fillRect(side * 0.3, side * 0.3, side * 0.4, side * 0.4);
    return [intact, canvas.toDataURL()];
  }, picture);
  const bytes = (/** @type {string} */ url) => Buffer.from(url.slice(url.indexOf(",") + 1), "base64");
  return { intact: bytes(intact), holed: bytes(holed) };
}

test("pieces of one picture: it learns, pauses, judges, and its file is saved", { timeout: 300_000 }, async () => {
  /** @type {string[]} */
  const sent = [];
  const { page, close } = await openCard({
    acceptDownloads: true,
    prepare: async (page) => {
      page.on("request", (request) => request.method() !== "GET" && sent.push(request.url()));
      await page.addInitScript(() => {
        const Original = Worker;
        window.Worker = class extends Original {
          /** @param {string | URL} url @param {WorkerOptions} [options] */
          constructor(url, options) {
            super(url, options);
            this.addEventListener("message", ({ data }) => data.type === "finished" && Object.assign(window, { given: data.model }));
          }
        };
      });
    },
  });
  await cutUp(page);
  await page.getByTestId("teach-time").selectOption("180"); // the test stops it earlier
  await page.getByTestId("teach-start").click();
  await phase(page, "learning");
  await page.waitForFunction(() => document.querySelector("[data-testid=teach-last]")?.textContent !== "–");
  const first = await loss(page);

  await page.getByTestId("teach-pause").click();
  await phase(page, "paused");
  await rests(page);
  await page.getByTestId("teach-pause").click();
  await phase(page, "learning");

  await page.waitForFunction((limit) => Number(document.querySelector("[data-testid=teach-last]")?.textContent) < limit, first / 10, { timeout: TRAINING_MS });
  await page.getByTestId("teach-finish").click();
  await phase(page, "done");
  assert.ok((await loss(page)) < first / 3, `the loss fell from ${first} to ${await loss(page)}`);
  const { intact, holed } = await pieces(page);
  const given = (/** @type {Buffer} */ buffer, /** @type {string} */ name) => ({ name, mimeType: "image/png", buffer });
  await page.getByTestId("teach-good").setInputFiles(given(intact, "intact.png"));
  await page.getByTestId("teach-bad").setInputFiles([given(holed, "holed.png"), given(holed, "again.png")]);
  await page.waitForFunction(() => /of 2 bad ones.*of 1 good ones\.$/.test(document.querySelector("[data-testid=teach-tally]")?.textContent ?? "")); // all images are judged
  assert.equal(await text(page, "teach-tally"), "It catches 2 of 2 bad ones. It flags 0 of 1 good ones.");
  assert.deepEqual(await page.locator(".teach-tested figcaption").allTextContents(), ["good: passed", "bad: caught", "bad: caught"]);

  const chooseAnother = async () => {
    await goTo(page, "try");
    await page.locator("input[name=model]").first().check({ force: true });
    await reading(page);
    await goTo(page, "teach");
  };
  await chooseAnother();
  await page.getByTestId("teach-bad").setInputFiles(given(holed, "third.png"));
  await page.waitForFunction(() => /of 3 bad ones/.test(document.querySelector("[data-testid=teach-tally]")?.textContent ?? ""));
  assert.equal(await text(page, "teach-tally"), "It catches 3 of 3 bad ones. It flags 0 of 1 good ones.", "the trained model judges, although another one was chosen");
  assert.equal(await page.locator(".model:has(:checked)").textContent(), "My model, taught here");

  await chooseAnother();
  await page.getByRole("link", { name: "Judge images with it" }).click();
  await reading(page);
  assert.equal(await page.locator(".model:has(:checked)").textContent(), "My model, taught here");
  assert.match((await page.locator("#subject").textContent()) ?? "", /^third\.png/, "an image that it was tested with, not one that it was taught");
  assert.doesNotMatch(page.url(), /model/, "it is in no address");

  await choose(page, intact);
  const normal = await reading(page);
  await choose(page, holed);
  const anomalous = await reading(page);
  assert.equal(anomalous.verdict, "Anomalous");
  assert.ok(anomalous.reconstructionScore > 2 * normal.reconstructionScore, `${anomalous.reconstructionScore} against ${normal.reconstructionScore}`);

  const [download] = await Promise.all([page.waitForEvent("download"), goTo(page, "teach").then(() => page.getByTestId("teach-save").click())]);
  assert.equal(download.suggestedFilename(), "my-model.safetensors");
  const saved = await readFile(await download.path());
  const trained = await page.evaluate(() => Array.from(/** @type {any} */ (window).given));
  assert.ok(saved.equals(Buffer.from(/** @type {number[]} */ (trained))), "byte for byte what the worker gave");
  const header = JSON.parse(saved.toString("utf8", 8, 8 + Number(saved.readBigUInt64LE(0))));
  assert.ok("daad" in header.__metadata__, JSON.stringify(header.__metadata__));
  assert.equal(JSON.parse(header.__metadata__.daad).provenance.data, "25 images of the visitor's own");

  await chooseBackend(page, "auto"); // another engine can use the model too
  await reading(page);
  assert.equal(await page.locator(".model:has(:checked)").textContent(), "My model, taught here");
  assert.deepEqual(sent, [], "nothing is uploaded");
  await close();
});

test("too few images are refused in a sentence, and a file that is no image is left out", async () => {
  const { page, close } = await openCard();
  const buffer = await readFile(PICTURE);
  await page.getByTestId("teach-files").setInputFiles([...Array.from({ length: 7 }, (_, at) => ({ name: `${at}.png`, mimeType: "image/png", buffer })), { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no image") }]);
  await number(page, 7);
  assert.match(await text(page, "teach-said"), /at least 8 images, and has 7: /);
  assert.match(await text(page, "teach-notice"), /^notes\.txt could not be read/);
  assert.ok(await page.getByTestId("teach-start").isDisabled());
  await page.getByTestId("teach-photo").first().focus();
  await page.keyboard.press("Enter");
  await number(page, 6);
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("aria-label")), "Remove 1.png");
  await page.getByTestId("teach-clear").click();
  await number(page, 0);
  await close();
});

test("images that are chosen before the script is there are taken, and a very narrow one too", async () => {
  let release = () => {};
  const { page, close } = await web.open("?backend=wasm#teach", { prepare: async (page) => void (release = await hold(page, /\/teach-[^/]+\.js$/)) });
  await reading(page);
  const narrow = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(1, 30_000);
    canvas.getContext("2d")?.fillRect(0, 0, 1, 1);
    return [...new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer())];
  });
  const buffers = [await readFile(PICTURE), Buffer.from(narrow)];
  await page.getByTestId("teach-files").setInputFiles(buffers.map((buffer, at) => ({ name: `${at}.png`, mimeType: "image/png", buffer })));
  assert.equal(await page.getByTestId("teach-photo").count(), 0);
  release();
  await number(page, 2);
  const thumbs = await page.getByTestId("teach-photo").locator("canvas").evaluateAll((canvases) => canvases.map((canvas) => canvas instanceof HTMLCanvasElement && [canvas.width, canvas.height]));
  assert.deepEqual(thumbs, [[64, 64], [1, 64]]);
  await close();
});

test("images that are dropped before the script is there stay in Teach, and are taken", async () => {
  let release = () => {};
  const { page, close } = await web.open("?backend=wasm#teach", {
    prepare: async (page) => {
      await stubEngine(page);
      release = await hold(page, /\/teach-[^/]+\.js$/);
    },
  });
  await reading(page);
  await page.evaluate((base64) => {
    const data = new DataTransfer();
    for (const name of ["a.png", "b.png"]) data.items.add(new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name, { type: "image/png" }));
    document.querySelector("#teach-drop")?.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: data }));
  }, (await readFile(PICTURE)).toString("base64"));
  assert.equal(await page.evaluate(() => location.hash), "#teach");
  assert.equal(await page.getByTestId("teach-photo").count(), 0);
  release();
  await number(page, 2);
  assert.equal(await page.evaluate(() => location.hash), "#teach");
  await close();
});

test("images that are still being read when all are removed do not come back", async () => {
  const { page, close } = await openCard({
    prepare: async (page) => {
      await stubEngine(page);
      await holdFile(page, "slow.png");
    },
  });
  const buffer = await readFile(PICTURE);
  const give = (/** @type {string} */ name) => page.getByTestId("teach-files").setInputFiles({ name, mimeType: "image/png", buffer });
  await give("first.png");
  await number(page, 1);
  await give("slow.png");
  await page.getByTestId("teach-clear").click();
  await number(page, 0);
  await readOn(page);
  await give("last.png"); // it is read after the slow one
  await page.getByTestId("teach-photo").first().waitFor();
  assert.deepEqual(await page.getByTestId("teach-photo").evaluateAll((photos) => photos.map((photo) => photo.getAttribute("title"))), ["Remove last.png"]);
  await close();
});

test("a camera that is refused is told in a sentence; then it gives its frames, until somebody stops it", async () => {
  const { page, close } = await openCard();
  await page.evaluate(() => {
    const { mediaDevices } = navigator;
    const open = mediaDevices.getUserMedia.bind(mediaDevices);
    mediaDevices.getUserMedia = async () => {
      mediaDevices.getUserMedia = open; // only the first request is refused
      throw new DOMException("", "NotAllowedError");
    };
  });
  await page.getByTestId("teach-camera").click();
  await page.waitForFunction(() => /not allowed to use the camera/.test(document.querySelector("[data-testid=teach-notice]")?.textContent ?? ""));
  await page.getByTestId("teach-camera").click();
  await page.waitForFunction(() => document.querySelectorAll("[data-testid=teach-photo]").length >= 8, null, { timeout: 30_000 });
  assert.ok(await page.locator("#teach-video").isVisible());
  await page.getByTestId("teach-camera").click();
  await page.waitForFunction(() => /** @type {HTMLVideoElement} */ (document.querySelector("#teach-video")).srcObject === null);
  assert.ok(await page.getByTestId("teach-start").isEnabled());
  await close();
});

test("a camera that is stopped and started again while it opens takes frames once", async () => {
  const { page, close } = await openCard({
    prepare: (page) =>
      page.addInitScript(() => {
        const { mediaDevices } = navigator;
        const open = mediaDevices.getUserMedia.bind(mediaDevices);
        /** @type {MediaStreamTrack[]} */
        const tracks = [];
        /** The cameras open one after another, as soon as the test lets them. @type {Promise<any>} */
        let opening = new Promise((letOpen) => Object.assign(window, { tracks, letOpen }));
        mediaDevices.getUserMedia = (wanted) =>
          (opening = opening.then(async () => {
            const stream = await open(wanted);
            tracks.push(...stream.getTracks());
            return stream;
          }));
      }),
  });
  for (const name of ["Use the camera", "Stop the camera", "Use the camera"]) await page.getByRole("button", { name }).click();
  await page.evaluate(() => /** @type {any} */ (window).letOpen());
  await page.getByTestId("teach-photo").first().waitFor();
  assert.deepEqual(await page.evaluate(() => /** @type {any} */ (window).tracks.map((/** @type {MediaStreamTrack} */ { readyState }) => readyState)), ["ended", "live"]);
  await page.getByRole("button", { name: "Stop the camera" }).click();
  await page.waitForFunction(() => /** @type {HTMLVideoElement} */ (document.querySelector("#teach-video")).srcObject === null);
  assert.equal(await text(page, "teach-notice"), "");
  await close();
});

test("what is dropped on the test images leaves no other place highlighted", async () => {
  const { page, close } = await openCard();
  await page.locator("#teach-good").evaluate((input) => {
    for (const type of ["dragover", "drop"]) input.parentElement?.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: new DataTransfer() }));
  });
  assert.equal(await page.locator("#drop.over").count(), 0);
  await close();
});

test("a crash and giving up leave the images; the next training begins anew", { timeout: 120_000 }, async () => {
  const { page, close } = await openCard({ prepare: (page) => page.route("**/engines/learn*/daad.js", (route) => route.fulfill({ contentType: "text/javascript", body: "export default () => ({ default: async () => ({}), Training: { begin: async () => { throw new WebAssembly.RuntimeError('unreachable'); } }, runThread() {} })" })) });
  await cutUp(page);
  await page.getByTestId("teach-start").click();
  await page.waitForFunction(() => /stopped unexpectedly/.test(document.querySelector("[data-testid=teach-said]")?.textContent ?? ""));
  const focused = () => page.evaluate(() => document.activeElement?.id);
  assert.equal(await focused(), "teach-start", "the focus is not lost with the card");
  await number(page, 25);
  await page.unroute("**/engines/learn*/daad.js");
  await page.getByTestId("teach-start").click();
  await phase(page, "learning");
  await page.getByTestId("teach-give-up").click();
  await phase(page, "collecting");
  assert.equal(await focused(), "teach-start");
  await number(page, 25);
  await close();
});

describe("an accessibility checker finds nothing", () => {
  testAccessibility("teach", "#teach", async (options) => {
    const opened = await openCard(options);
    const { page } = opened;
    await cutUp(page);
    await page.getByTestId("teach-start").click();
    await phase(page, "learning");
    await page.waitForFunction(() => document.querySelector("[data-testid=teach-last]")?.textContent !== "–");
    return opened;
  });
});
