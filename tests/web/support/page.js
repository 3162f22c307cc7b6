/** Starts a real browser, and has functions that read and operate the page. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {{ score: number, reconstructionScore: number, alignmentScore: number | null, backend: string, verdict: string }} Reading */

const STUB = fileURLToPath(new URL("./stub-engine.js", import.meta.url));

/** WebGPU in software: works without a GPU, for correctness only. */
export const SOFTWARE_GPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

// A browser obeys only the last --disable-features, so this list repeats Playwright's own. The last two entries are ours: otherwise the browser loads the web
// pages of its address bar with every new window, which is a third of the processor time that opening a page takes.
const DISABLED_FEATURES = [
  "AvoidUnnecessaryBeforeUnloadCheckSync", "BoundaryEventDispatchTracksNodeRemoval", "DestroyProfileOnBrowserClose", "DialMediaRouteProvider",
  "GlobalMediaControls", "HttpsUpgrades", "LensOverlay", "MediaRouter", "OptimizationHints", "PaintHolding", "RenderDocument", "ThirdPartyStoragePartitioning",
  "Translate", "WebUIOmniboxAimPopup", "WebUIOmniboxPopup",
];

/** The options of every browser in the tests, besides Playwright's own, which suppress background activity and questions to the user. */
export const OPTIONS = {
  executablePath: process.env["CHROMIUM"] || "/usr/bin/chromium",
  args: ["--disable-quic", `--disable-features=${DISABLED_FEATURES.join(",")}`],
};

/** @param {string[]} flags */
export function launch(flags) {
  return chromium.launch({ ...OPTIONS, args: [...OPTIONS.args, ...flags] });
}

/**
 * Opens a page, and records everything that the page must not do: log errors, violate the policy, send requests to another origin. No animation runs unless
 * a test asks for motion, because a browser without a GPU draws slowly.
 * @param {import("playwright-core").Browser} browser
 * @param {string} url
 * @param {import("playwright-core").BrowserContextOptions & { prepare?: (page: Page) => Promise<unknown>, unfold?: boolean }} [options] `unfold`: the cards that a visitor can open are open from the start
 */
export async function open(browser, url, { prepare, unfold = true, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, serviceWorkers: "block", reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  /** @type {string[]} */
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  context.on("request", (request) => {
    const target = new URL(request.url());
    if (target.origin !== new URL(url).origin && !["blob:", "data:"].includes(target.protocol)) complaints.push(`a request left the origin: ${target}`);
  });
  if (unfold) await page.addInitScript(() => addEventListener("DOMContentLoaded", () => document.querySelectorAll("#try details").forEach((details) => details.setAttribute("open", ""))));
  await prepare?.(page);
  await page.goto(url);
  return {
    page,
    /** @param {RegExp} [expected] complaints that the test provoked */
    async close(expected) {
      const rest = complaints.filter((text) => !expected?.test(text));
      const unrouted = page.unrouteAll({ behavior: "ignoreErrors" }); // a late request may still be inside a test's route
      unrouted.catch(() => {}); // it fails if the page is closed first
      await Promise.race([unrouted, setTimeout(2000, undefined, { ref: false })]); // in rare cases the browser never answers
      await within(30_000, "the page is closed", context.close());
      assert.deepEqual(rest, [], "the page logged no errors");
    },
  };
}

/**
 * A time limit for operations that Playwright itself waits for without one.
 * @template Result
 * @param {number} limit_ms
 * @param {string} what is to happen within it
 * @param {Promise<Result>} promise
 */
function within(limit_ms, what, promise) {
  /** @type {NodeJS.Timeout} */
  let timer;
  const end = new Promise((_, reject) => (timer = globalThis.setTimeout(() => reject(new Error(`not within ${limit_ms} ms: ${what}`)), limit_ms)));
  return Promise.race([promise, end]).finally(() => clearTimeout(timer));
}

/**
 * Waits until the page's status is no longer "working", and returns the status and the message.
 * @param {Page} page
 */
export async function settle(page, timeout_ms = 120_000) {
  await page.waitForFunction(() => document.querySelector("[data-testid=status]")?.textContent !== "working", null, { timeout: timeout_ms });
  return { status: await text(page, "status"), message: (await page.locator("#message").textContent()) ?? "" };
}

/**
 * Calls a function in the page again until it returns true. `waitForFunction` does not call a function again if it returns a promise.
 * @template Argument
 * @param {Page} page
 * @param {(argument: Argument) => Promise<boolean>} question
 * @param {Argument} argument
 */
export async function until(page, question, argument, timeout_ms = 60_000) {
  const end_ms = performance.now() + timeout_ms;
  while (!(await page.evaluate(/** @type {any} */ (question), argument))) {
    assert.ok(performance.now() < end_ms, `not so within ${timeout_ms} ms: ${question}`);
    await setTimeout(50);
  }
}

/** Waits until the browser has drawn the page with all changes so far. @param {Page} page */
export function drawn(page) {
  return page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

/**
 * Waits for a result and reads it at full precision.
 * @param {Page} page
 * @returns {Promise<Reading>}
 */
export async function reading(page, timeout_ms = 120_000) {
  const { status, message } = await settle(page, timeout_ms);
  assert.equal(status, "ready", message);
  const score = await value(page, "score");
  assert.ok(score !== null && Number.isFinite(score), "a score is shown");
  return {
    score,
    reconstructionScore: (await value(page, "reconstruction-score")) ?? NaN,
    alignmentScore: await value(page, "alignment-score"),
    backend: await text(page, "backend"),
    verdict: await text(page, "verdict"),
  };
}

/**
 * Records every status from now on, because an image may be judged before a test reads the status.
 * @param {import("playwright-core").Page} page
 * @returns {Promise<() => Promise<(string | null)[]>>} returns the statuses since the last call
 */
export async function watchStatus(page) {
  const seen = await page.getByTestId("status").evaluateHandle((status) => {
    /** @type {(string | null)[]} */
    const seen = [];
    const note = () => status.textContent !== seen.at(-1) && seen.push(status.textContent);
    new MutationObserver(note).observe(status, { childList: true, characterData: true, subtree: true });
    return seen;
  });
  return () => seen.evaluate((seen) => seen.splice(0));
}

/** Sums all layout shifts in the window's `layoutShift`. Call this before the page is opened. @param {Page} page */
export function sumLayoutShift(page) {
  return page.addInitScript(() => {
    const sum = /** @type {any} */ (window);
    sum.layoutShift = 0;
    // Shifts after a visitor's action count too, so `hadRecentInput` is ignored.
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => (sum.layoutShift += /** @type {any} */ (entry).value))).observe({ type: "layout-shift", buffered: true });
  });
}

/** Goes to a view of the page, or to a step of it. @param {Page} page @param {"try" | "why" | "networks" | "how" | "teach"} view */
export async function goTo(page, view) {
  await page.evaluate((view) => (location.hash = view), view);
  await page.locator(`#${view}`).waitFor();
}

/** Chooses a backend in the view "Try", from any view. @param {Page} page @param {string} choice */
export async function chooseBackend(page, choice) {
  const hash = await page.evaluate(() => location.hash);
  await goTo(page, "try");
  await page.locator("#choice").selectOption(choice);
  await page.evaluate((hash) => (location.hash = hash), hash);
}

/** @param {Page} page @param {string} testid */
export async function text(page, testid) {
  return (await page.getByTestId(testid).textContent()) ?? "";
}

/** @param {Page} page @param {string} testid */
export async function value(page, testid) {
  const element = page.getByTestId(testid);
  return (await element.count()) === 0 ? null : Number(await element.getAttribute("data-value"));
}

/**
 * @param {Page} page
 * @param {Buffer} bytes
 */
export function choose(page, bytes, name = "test.png", mimeType = "image/png") {
  return page.getByTestId("file").setInputFiles({ name, mimeType, buffer: bytes });
}

/**
 * Gives the page several images, which it judges as a list.
 * @param {Page} page
 * @param {{ name: string, mimeType: string, buffer: Buffer }[]} files
 */
export function chooseAll(page, files) {
  return page.getByTestId("file").setInputFiles(files);
}

/** Waits until the list has judged all its images. @param {Page} page @param {number} count */
export function listDone(page, count) {
  return page.waitForFunction((count) => document.querySelector("[data-testid=list-progress]")?.textContent?.startsWith(`${count} image`), count, { timeout: 120_000 });
}

/**
 * Holds a page's requests for an address. Call this before the page is opened.
 * @param {Page} page
 * @param {string | RegExp} address
 * @returns {Promise<() => void>} lets them through
 */
export async function hold(page, address) {
  let release = () => {};
  /** @type {Promise<void>} */
  const isReleased = new Promise((resolve) => (release = resolve));
  await page.route(address, (route) => void isReleased.then(() => route.continue()));
  return release;
}

/**
 * Makes the page wait for the content of every file of this name, until `readOn`. Call this before the page is opened.
 * @param {Page} page
 * @param {string} name
 */
export function holdFile(page, name) {
  return page.addInitScript((name) => {
    const read = File.prototype.arrayBuffer;
    const isReleased = new Promise((resolve) => Object.assign(window, { readOn: resolve }));
    File.prototype.arrayBuffer = async function () {
      if (this.name === name) await isReleased;
      return read.call(this);
    };
  }, name);
}

/** Gives the page the content that `holdFile` holds back. @param {Page} page */
export function readOn(page) {
  return page.evaluate(() => /** @type {any} */ (window).readOn());
}

/** @param {Page} page @param {() => Promise<unknown>} act starts the download */
export async function download(page, act) {
  const [download] = await Promise.all([page.waitForEvent("download"), act()]);
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}

/**
 * Drops or pastes a file by sending the event that the browser would send.
 * @param {Page} page
 * @param {"drop" | "paste"} kind
 * @param {Buffer} bytes
 */
export function hand(page, kind, bytes) {
  return page.evaluate(
    ([kind, base64]) => {
      const data = new DataTransfer();
      data.items.add(new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], `${kind}.png`, { type: "image/png" }));
      const options = { bubbles: true, cancelable: true };
      document.body.dispatchEvent(kind === "drop" ? new DragEvent("drop", { ...options, dataTransfer: data }) : new ClipboardEvent("paste", { ...options, clipboardData: data }));
    },
    /** @type {const} */ ([kind, bytes.toString("base64")]),
  );
}

/**
 * Pastes text instead of a file.
 * @param {Page} page
 */
export function pasteText(page) {
  return page.evaluate(() => {
    const data = new DataTransfer();
    data.setData("text/plain", "a stray word");
    document.body.dispatchEvent(new ClipboardEvent("paste", { bubbles: true, clipboardData: data }));
  });
}

/**
 * Replaces the real engine by a stub; see stub-engine.js.
 * @param {Page} page
 */
export function stubEngine(page) {
  return page.route("**/engines/*/daad.js", (route) => route.fulfill({ path: STUB, contentType: "text/javascript" }));
}

/** A model with an alignment score and 8×8 blocks. */
export const PLUS = fileURLToPath(new URL("../../models/daad_plus.safetensors", import.meta.url));

/**
 * Makes the page use this file as its model of paper. Call this before the page is opened.
 * @param {Page} page
 * @param {string} [model]
 */
export async function replacePaper(page, model = PLUS) {
  const bytes = await readFile(model);
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  await page.route("**/manifest.json", async (route) => {
    const manifest = await (await route.fetch()).json();
    const paper = manifest.models.find((/** @type {{ name: string }} */ { name }) => name === "piped");
    Object.assign(paper, { file: `models/${hash}.safetensors`, bytes: bytes.length, hash });
    await route.fulfill({ json: manifest });
  });
  await page.route(`**/models/${hash}.safetensors`, (route) => route.fulfill({ body: bytes, contentType: "application/octet-stream" }));
}
