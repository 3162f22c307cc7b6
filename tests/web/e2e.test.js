/**
 * Tests the page in a real browser, on both backends. Needs DAAD_SITE, a folder made by scripts/site.mjs. Optional: CHROMIUM, the browser's path;
 * DAAD_NATIVE_SCORES, JSON lines of `daad score --json` on the gallery; DAAD_SCREENSHOTS, a folder to put pictures of the page into.
 */

import assert from "node:assert/strict";
import { open as openFile, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { before, describe } from "node:test";
import { SITE, browse } from "./support/browser.js";
import { SOFTWARE_GPU, choose, chooseAll, download, hand, hold, launch, listDone, open, pasteText, reading, settle, stubEngine, sumLayoutShift, text, value, watchStatus } from "./support/page.js";
import { assertClose } from "./support/close.js";
import { blankPng, bombPng } from "./support/images.js";
import { screenshot } from "./support/screenshots.js";

const GPU_PATIENCE_MS = 300_000; // a software GPU takes up to a minute for an image; the test file's limit of a test is longer

const web = browse(SOFTWARE_GPU);

/** @type {import("../../www/shared/types.js").Gallery[]} */
let galleries;
/** The samples of the first model. @type {import("../../www/shared/types.js").Sample[]} */
let samples;

before(async () => {
  ({ galleries } = JSON.parse(await readFile(join(SITE, "gallery/gallery.json"), "utf8")));
  samples = galleries[0]?.samples ?? [];
});

/** @param {import("../../www/shared/types.js").Label} label */
function first(label) {
  const sample = samples.find((sample) => sample.label === label);
  assert.ok(sample);
  return sample;
}

/** @param {import("../../www/shared/types.js").Sample} sample */
function bytesOf(sample) {
  return readFile(join(SITE, "gallery", sample.file));
}

/** The native scores by file name; null if DAAD_NATIVE_SCORES is not set. */
async function nativeScores() {
  const file = process.env["DAAD_NATIVE_SCORES"];
  if (!file) return null;
  const lines = (await readFile(file, "utf8")).split("\n").filter(Boolean).map((line) => JSON.parse(line));
  return new Map(lines.map(({ path, reconstruction_score, alignment_score, ...line }) => [path.replace(/^.*www\/gallery\//, ""), { ...line, reconstructionScore: reconstruction_score, alignmentScore: alignment_score }]));
}

/** The tolerance of scores that depend on L. If an addressing weight is close to 1/N, rounding decides whether its item is dropped; this changed L by up to 2e-3 of its value. */
const WITH_L = 5e-3;

/**
 * @typedef {{ score: number, reconstructionScore: number, alignmentScore: number | null }} Scores
 * @param {Scores} actual
 * @param {Scores} expected
 * @param {string} what
 */
function assertSameScores(actual, expected, what) {
  assertClose(actual.score, expected.score, `${what}, score`, WITH_L);
  assertClose(actual.reconstructionScore, expected.reconstructionScore, `${what}, R`);
  assertClose(actual.alignmentScore ?? 0, expected.alignmentScore ?? 0, `${what}, L`, WITH_L);
}

describe("the scores", () => {
  test("wasm and the native program score every gallery image alike", async (t) => {
    const native = await nativeScores();
    const { page, close } = await web.open("?backend=wasm");
    for (const { model, samples } of galleries) {
      await reading(page);
      await page.locator(`input[name=model][value^="models/${model}-"]`).check({ force: true });
      assert.match((await reading(page)).backend, /wasm/);
      await chooseAll(page, await Promise.all(samples.map(async (sample) => ({ name: sample.file, mimeType: "image/png", buffer: await bytesOf(sample) }))));
      await listDone(page, samples.length);
      const { bytes } = await download(page, () => page.locator("#list").getByRole("button", { name: "Save JSON" }).click()); // it has the scores at full precision
      const saved = JSON.parse(bytes.toString());
      assert.equal(saved.model.name, model);
      assert.deepEqual(saved.images.map((/** @type {any} */ { name }) => name), samples.map(({ file }) => file));
      for (const { name, verdict, score, reconstruction_score, alignment_score } of saved.images) {
        assert.ok(Number.isFinite(score), `${name} has a score`);
        const expected = native?.get(name);
        if (!native) continue;
        assert.ok(expected, `DAAD_NATIVE_SCORES has no line for ${name}`);
        assertSameScores({ score, reconstructionScore: reconstruction_score, alignmentScore: alignment_score }, expected, name);
        assert.equal(verdict, expected.verdict, name);
      }
      await page.locator("#list").getByRole("button", { name: "Clear" }).click();
    }
    if (!native) t.diagnostic("not compared with the native program: DAAD_NATIVE_SCORES is not set");
    await close();
  });

  test("WebGPU and wasm score the same image alike", async () => {
    const sample = first("defective");
    /** @type {Awaited<ReturnType<typeof reading>>[]} */
    const seen = [];
    for (const backend of ["wasm", "webgpu"]) {
      const { page, close } = await web.open(`?backend=${backend}&sample=${sample.file}`);
      seen.push(await reading(page, GPU_PATIENCE_MS));
      await close();
    }
    const [wasm, webgpu] = seen;
    assert.ok(wasm && webgpu);
    assert.match(webgpu.backend, /WebGPU/);
    assertSameScores(webgpu, wasm, "WebGPU against wasm");
    const native = (await nativeScores())?.get(sample.file);
    if (native) assertSameScores(webgpu, native, "WebGPU against native");
  });
});

describe("the engine", () => {
  for (const relaxed of ["-relaxed", ""]) {
    const [threads, one] = [`cpu-threads${relaxed}`, "cpu"];
    test(`${threads} is used on an isolated page, ${one} elsewhere, and both score alike`, async () => {
      const sample = first("defective");
      const query = `?backend=wasm&sample=${sample.file}`;
      const installed = only(one, threads);
      const threaded = await openCounted(query, installed);
      const single = await openCounted(query, async (page) => void (await notIsolated(page), await installed(page)));
      assert.match(threaded.seen.backend, /wasm.*threads/);
      assert.doesNotMatch(single.seen.backend, /threads/);
      assert.deepEqual([threaded.engines, single.engines], [[threads], [one]], "each page loads one engine");
      assertSameScores(threaded.seen, single.seen, "threads against one");
      const native = (await nativeScores())?.get(sample.file);
      if (native) assertSameScores(threaded.seen, native, `${threads} against native`);
    });
  }

  test("with threads that cannot have its memory gives way to the other one, and the page says why", async () => {
    const { page, close } = await web.open("?backend=wasm", {
      prepare: (page) =>
        page.route("**/engines/cpu-threads*/daad.js", async (route) => {
          const response = await route.fetch();
          await route.fulfill({ response, body: `${await response.text()}\nWebAssembly.Memory = function () { throw new RangeError("no room"); };` });
        }),
    });
    assert.doesNotMatch((await reading(page)).backend, /threads/);
    assert.match((await page.locator("#note").textContent()) ?? "", /Threads were tried.*No room\.$/i);
    await close();
  });

  /**
   * Opens a page, and returns which engines it requests until it has judged its first image.
   * @param {string} query
   * @param {(page: import("playwright-core").Page) => Promise<unknown>} prepare
   */
  async function openCounted(query, prepare) {
    /** @type {Set<string>} */
    const engines = new Set();
    const { page, close } = await web.open(query, {
      prepare: async (page) => {
        page.context().on("request", (request) => engines.add(/\/engines\/([^/]+)\//.exec(request.url())?.[1] ?? ""));
        await prepare(page);
      },
    });
    const seen = await reading(page);
    await close();
    engines.delete("");
    return { seen, engines: [...engines] };
  }

  /** Makes the page see a site that has only these engines. @param {string[]} names */
  function only(...names) {
    return (/** @type {import("playwright-core").Page} */ page) =>
      page.route("**/daad-*/index.js", async (route) => {
        const response = await route.fetch();
        const body = (await response.text()).replace(/"?(webgpu|cpu[\w-]*)"?:(?=\d)/g, (listed, name) => (names.includes(name) ? listed : '"not built":'));
        await route.fulfill({ response, body });
      });
  }

  /** Removes the two headers that isolate the page, like a server that does not send them. @param {import("playwright-core").Page} page */
  function notIsolated(page) {
    return page.route("**/*", async (route) => {
      const response = await route.fetch();
      const { "cross-origin-opener-policy": _, "cross-origin-embedder-policy": __, ...headers } = response.headers();
      await route.fulfill({ response, headers });
    });
  }
});

describe("the backend", () => {
  test("a software adapter is not chosen for a visitor, and the choice can be changed by hand", async () => {
    const { page, close } = await web.open();
    assert.match((await reading(page)).backend, /wasm/);
    const statuses = await watchStatus(page);
    await page.locator("#choice").selectOption("wasm");
    assert.match((await reading(page)).backend, /wasm/);
    assert.deepEqual(await statuses(), ["working", "ready"]);
    await close();
  });

  test("WebGPU asked for where there is none falls back to wasm and says so", async () => {
    const plain = await launch(["--disable-gpu"]);
    try {
      const { page, close } = await open(plain, `${web.url}?backend=webgpu`);
      assert.match((await reading(page)).backend, /wasm/);
      assert.match((await page.locator("#note").textContent()) ?? "", /no WebGPU/);
      await close();
    } finally {
      await plain.close();
    }
  });
});

describe("an engine that fails", () => {
  const image = Buffer.from("any image");

  test("on the GPU gives way to the CPU, and the page says why", async () => {
    const { page, close } = await web.open("?backend=webgpu", { prepare: stubEngine });
    assert.match((await reading(page)).backend, /wasm/);
    assert.match((await page.locator("#note").textContent()) ?? "", /WebGPU was tried.*computes something else\.$/);
    await close();
  });

  test("is not said to be the GPU's fault where the network fails", async () => {
    const { page, close } = await web.open("?backend=webgpu", {
      prepare: async (page) => {
        await stubEngine(page);
        await page.route("**/*.safetensors*", (route) => route.abort());
      },
    });
    const { status, message } = await settle(page);
    assert.deepEqual([status, await page.locator("#note").isVisible()], ["error", false]);
    assert.match(message, /^The model could not be downloaded: check the connection and try again\.$/);
    await close(/Failed to load resource/);
  });

  for (const trap of ["PANIC", "THREAD"]) {
    test(`by a panic costs one image, not the page: ${trap}`, async () => {
      const { page, close } = await web.open("?backend=wasm", { prepare: stubEngine });
      await reading(page);
      await choose(page, Buffer.from(trap));
      const { status, message } = await settle(page);
      assert.equal(status, "error");
      assert.match(message, /^The engine stopped/);
      await choose(page, image);
      await reading(page);
      await close();
    });
  }

  test("by all its threads at once costs one image, and the next engine has threads again", async () => {
    const { page, close } = await web.open("?backend=wasm", {
      prepare: async (page) => {
        await stubEngine(page);
        await page.addInitScript(() => Object.defineProperty(navigator, "hardwareConcurrency", { get: () => 4 }));
      },
    });
    assert.match((await reading(page)).backend, /4 threads/);
    await choose(page, Buffer.from("THREAD"));
    assert.match((await settle(page)).message, /^The engine stopped/);
    for (let again = 0; again < 2; again++) {
      await choose(page, image);
      assert.match((await reading(page)).backend, /4 threads/);
      await page.waitForTimeout(500); // time for late messages of the old threads
    }
    await close();
  });

  test("because a thread's script is missing gives way at once", async () => {
    const { page, close } = await web.open("?backend=wasm", {
      prepare: async (page) => {
        await stubEngine(page);
        await page.route("**/worker.js", async (route) => {
          const response = await route.fetch();
          await route.fulfill({ response, body: (await response.text()).replace("new Worker(", "new Worker('/gone.js?'+") });
        });
      },
    });
    await settle(page, 10_000);
    assert.match((await page.locator("#note").textContent()) ?? "", /^Threads were tried/);
    await close(/Failed to load resource/);
  });

  test("is not blamed where the worker's script does not come", async () => {
    let comes = false; // whether the script is served; until then every request fails, also the later one for the gallery's image
    const { page, close } = await web.open("?backend=wasm", {
      prepare: async (page) => {
        await stubEngine(page);
        await page.route("**/worker.js", (route) => (comes ? route.continue() : route.fulfill({ status: 503 })));
      },
    });
    assert.deepEqual(await settle(page), { status: "error", message: "The worker's script could not be loaded: check the connection, and that the package was copied whole." });
    comes = true;
    await choose(page, image); // a new image starts another attempt
    await reading(page);
    await close(/Failed to load resource/);
  });
});

describe("a page where something is amiss", () => {
  const image = Buffer.from("any image");

  test("a result keeps the engine that gave it when a later image is refused", async () => {
    const { page, close } = await web.open("?backend=wasm", {
      prepare: async (page) => {
        await stubEngine(page);
        await page.route("**/manifest.json", async (route) => {
          const manifest = await (await route.fetch()).json();
          manifest.models.push({ file: "models/nine.safetensors", name: `nine-${"n".repeat(100)}`, bytes: 1, hash: "0" });
          await route.fulfill({ json: manifest });
        });
        await page.route("**/nine.safetensors*", (route) => route.fulfill({ body: "9" }));
      },
    });
    await reading(page);
    const card = async () => [await value(page, "threshold"), await text(page, "backend"), await page.locator("#histogram[aria-label]").getAttribute("aria-label"), await page.locator("#recipe").textContent()];
    const before = await card();
    await choose(page, Buffer.from("REFUSE"), "odd.png");
    assert.deepEqual(await settle(page), { status: "error", message: "Cannot use odd.png: it is refused." });
    await page.locator(`input[name=model][value="models/nine.safetensors"]`).check({ force: true });
    assert.equal((await settle(page)).status, "error");
    assert.deepEqual(await card(), before);
    await choose(page, image);
    await reading(page);
    assert.equal(await value(page, "threshold"), 9);
    for (const width of [320, 390]) {
      await page.setViewportSize({ width, height: 900 });
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, "a long model name fits");
    }
    await close();
  });

  test("a gallery image that does not come does not hold up the visitor's own", async () => {
    const { page, close } = await web.open("?backend=wasm", {
      prepare: async (page) => {
        await stubEngine(page);
        await page.route("**/gallery/**/*.png", (route) => (route.request().resourceType() === "fetch" ? undefined : route.continue())); // never answered
      },
    });
    await page.waitForFunction(() => document.querySelector("#message")?.textContent?.startsWith("Looking at"));
    await choose(page, image, "own.png");
    await reading(page, 10_000);
    assert.match((await page.locator("#subject").textContent()) ?? "", /own\.png/);
    await close();
  });

  test("a stray paste does not cost the image that is on its way", async () => {
    const { page, close } = await web.open("?backend=wasm", {
      prepare: async (page) => {
        await stubEngine(page);
        await page.route("**/*.safetensors*", async (route) => {
          await page.locator("#gallery [aria-pressed=true]").waitFor(); // before this, the page does not handle a paste yet, and a later request for an image would remove the message
          await pasteText(page); // the model is not loaded yet
          await route.continue();
        }, { times: 1 });
      },
    });
    const { status, message } = await settle(page);
    assert.deepEqual([status, message], ["error", "The clipboard holds no image."]);
    assert.equal(await text(page, "verdict"), "Anomalous");
    await close();
  });

  /** @type {Record<string, (route: import("playwright-core").Route) => unknown>} */
  const galleries = {
    broken: (route) => route.fulfill({ body: "<!doctype html>" }),
    "of another kind": (route) => route.fulfill({ json: null }),
    missing: (route) => route.fulfill({ status: 404 }),
    unreachable: (route) => route.abort(),
    hanging: () => {},
  };
  for (const [name, answer] of Object.entries(galleries)) {
    test(`a gallery that is ${name} does not stop it`, async () => {
      const { page, close } = await web.open("?backend=wasm", {
        prepare: async (page) => {
          await stubEngine(page);
          await page.route("**/gallery.json", (route) => void answer(route));
        },
      });
      assert.equal((await settle(page)).status, "ready");
      assert.equal(await page.locator("#subject").textContent(), "Choose an image to begin.");
      await choose(page, image);
      await reading(page);
      await close(/Failed to load resource/);
    });
  }

  /** Opens the page, whose gallery comes when it is released. */
  async function openWithoutGallery() {
    let release = () => {};
    const opened = await web.open("?backend=wasm", {
      prepare: async (page) => {
        await stubEngine(page);
        release = await hold(page, "**/gallery.json");
      },
    });
    await settle(opened.page);
    return { ...opened, release };
  }

  test("a gallery that comes late is shown late", async () => {
    const { page, close, release } = await openWithoutGallery();
    release();
    await page.getByTestId("gallery-item").first().waitFor();
    await page.waitForFunction((title) => document.querySelector("#subject")?.textContent === title, first("defective").title);
    await close();
  });

  test("a gallery that comes after another model is chosen gives a sample of that model", async () => {
    const { page, close, release } = await openWithoutGallery();
    await page.locator("input[name=model]").nth(1).check({ force: true });
    await settle(page);
    release();
    const picked = page.locator("#gallery [aria-pressed=true]"); // only the chosen model's images are in the gallery
    await picked.waitFor();
    const title = await picked.getAttribute("title");
    assert.notEqual(title, first("defective").title);
    await page.waitForFunction((title) => document.querySelector("#subject")?.textContent === title, title);
    await close();
  });

  test("an engine's script that is missing gets a sentence", async () => {
    const { page, close } = await web.open("?backend=wasm", { prepare: (page) => page.route("**/engines/*/daad.js", (route) => route.fulfill({ status: 404 })) });
    const { status, message } = await settle(page);
    assert.equal(status, "error");
    assert.match(message, /^The engine's script could not be loaded: .+\.$/);
    await close(/Failed to load resource.*404/);
  });
});

describe("an image", () => {
  test("may be chosen, dropped, pasted or picked, with the same result", async () => {
    const sample = first("normal");
    const bytes = await bytesOf(sample);
    const { page, close } = await web.open("?backend=wasm");
    const start = await reading(page);
    /** @type {(() => Promise<unknown>)[]} */
    const ways = [
      () => page.locator(`[data-file="${sample.file}"]`).click(),
      () => choose(page, bytes),
      () => hand(page, "drop", bytes),
      () => hand(page, "paste", bytes),
    ];
    const scores = [];
    const statuses = await watchStatus(page);
    for (const way of ways) {
      await way();
      scores.push((await reading(page)).score);
      assert.deepEqual(await statuses(), ["working", "ready"]);
    }
    assert.deepEqual(new Set(scores).size, 1, scores.join(" "));
    assert.notEqual(scores[0], start.score);
    await close();
  });

  test("can be picked with the keyboard alone", async () => {
    const { page, close } = await web.open("?backend=wasm");
    await reading(page);
    await page.getByTestId("file").focus();
    const second = page.locator("#gallery button").nth(1);
    for (let stops = 0; stops < 6 && !(await second.evaluate((button) => button === document.activeElement)); stops++) await page.keyboard.press("Tab"); // skips the camera and video buttons
    await page.keyboard.press("Enter");
    await reading(page);
    assert.equal(await second.getAttribute("aria-pressed"), "true");
    await close();
  });

  test("asked for last is the one that is shown", async () => {
    const { page, close } = await web.open("?backend=wasm");
    await reading(page);
    const items = page.getByTestId("gallery-item");
    await page.evaluate(() => document.querySelectorAll("#gallery button").forEach((item) => item instanceof HTMLElement && item.click()));
    await reading(page);
    assert.equal(await page.locator("#subject").textContent(), await items.last().getAttribute("title"));
    await close();
  });

  test("is drawn three times, and the error map's opacity changes its picture", async () => {
    const { page, close } = await web.open("?backend=wasm");
    await reading(page);
    const picture = (/** @type {string} */ testid) => page.getByTestId(testid).evaluate((canvas) => /** @type {HTMLCanvasElement} */ (canvas).toDataURL());
    const opacity = (/** @type {string} */ value) => page.locator("#opacity").fill(value);
    const pictures = new Set([await picture("input"), await picture("reconstruction"), await picture("error-map")]);
    assert.equal(pictures.size, 3);
    await opacity("0");
    assert.equal(await picture("error-map"), await picture("input"));
    await opacity("100");
    assert.notEqual(await picture("error-map"), await picture("input"));
    await close();
  });

});

describe("bad input", () => {
  test("each gets one sentence, the earlier result stays, and the next image works", async () => {
    const good = await bytesOf(first("normal"));
    const huge = join(tmpdir(), `daad-huge-${process.pid}.png`);
    const { page, close } = await web.open("?backend=wasm");
    let earlier = await reading(page);
    /** @type {Record<string, () => Promise<unknown>>} */
    const inputs = {
      "no image": () => choose(page, Buffer.from("This is a letter, not a picture."), "letter.txt", "text/plain"),
      "an empty file": () => choose(page, Buffer.alloc(0)),
      "a truncated image": () => choose(page, good.subarray(0, good.length / 2)),
      "a decompression bomb": () => choose(page, bombPng()),
      "1 pixel": () => choose(page, blankPng(1)),
      "20,000 pixels a side": () => choose(page, blankPng(20_000)),
      "a file too large to read": async () => {
        const file = await openFile(huge, "w");
        await file.truncate(65e6); // sparse: takes no room on the disk
        await file.close();
        await page.getByTestId("file").setInputFiles(huge);
      },
    };
    try {
      for (const [name, give] of Object.entries(inputs)) {
        await give();
        const { status, message } = await settle(page);
        assert.equal(status, "error", name);
        assertSentence(message, name);
        assert.match(message, /letter\.txt|test\.png|daad-huge/, `${name} is named`);
        assert.equal(await page.getByTestId("score").getAttribute("data-value"), String(earlier.score), `${name}: the earlier result stays`);
        await choose(page, good);
        earlier = await reading(page);
      }
    } finally {
      await rm(huge, { force: true });
    }
    await close();
  });

  // A damaged model of the site passes through the same code as one that the visitor chooses, which judging.e2e.test.js damages, and as those of tests/npm/detector.test.js.
  test("a model file that is missing gets one sentence, and the next image tries again", async () => {
    const { page, close } = await web.open("?backend=wasm", { prepare: (page) => page.route("**/*.safetensors*", (route) => route.fulfill({ status: 404, body: "gone" })) });
    const { status, message } = await settle(page);
    assert.equal(status, "error");
    assertSentence(message, "a missing model");
    await page.unroute("**/*.safetensors*");
    await choose(page, await bytesOf(first("normal"))); // the next image starts another attempt
    await reading(page);
    await close(/Failed to load resource.*404/);
  });

  /**
   * @param {string} message
   * @param {string} name
   */
  function assertSentence(message, name) {
    assert.match(message, /^\S.{10,300}[.!]$/s, `${name}: "${message}" is a sentence`);
    assert.doesNotMatch(message, /undefined|\[object|\n|panicked|unreachable/, name);
  }
});

describe("the looks", () => {
  for (const width of [390, 1440]) {
    test(`${width} pixels wide: nothing sticks out, nothing jumps`, async () => {
      const { page, close } = await web.open("?backend=wasm", { viewport: { width, height: 900 }, reducedMotion: "no-preference", prepare: sumLayoutShift, unfold: false });
      await reading(page);
      await page.getByTestId("gallery-item").last().click();
      await reading(page);
      const shift = await page.evaluate(() => /** @type {any} */ (window).layoutShift);
      assert.ok(shift < 0.02, `layout shift ${shift}`);
      await page.getByTestId("gallery-item").first().click();
      await reading(page);
      for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
        await page.emulateMedia({ colorScheme });
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
        await screenshot(page, `page-${width}-${colorScheme}`);
      }
      await close();
    });
  }

  test("320 pixels wide: nothing is cut off, a long name least of all", async () => {
    const { page, close } = await web.open("?backend=wasm", { viewport: { width: 320, height: 900 } });
    await reading(page);
    for (const long of ["w".repeat(200), "a long name of many words ".repeat(8)]) {
      await choose(page, Buffer.from("no image"), long);
      await settle(page);
      for (const selector of ["html", ".recipe", "#bar", "#verdict"]) {
        const [inner = 0, outer = 0] = await page.locator(selector).evaluate((element) => [element.scrollWidth, element.clientWidth]);
        assert.ok(inner <= outer, `${selector} is ${outer} wide and holds ${inner}`);
      }
    }
    await screenshot(page, "page-320-light");
    await close();
  });

  test("in the visitor's own colours the status still shows", async () => {
    const { page, close } = await web.open("?backend=wasm", { forcedColors: "active", prepare: stubEngine });
    await reading(page);
    const colours = await page.locator(".chip i").evaluate((dot) => [getComputedStyle(dot).backgroundColor, getComputedStyle(/** @type {HTMLElement} */ (dot.closest("#bar"))).backgroundColor]);
    assert.notEqual(colours[0], colours[1]);
    await close();
  });
});
