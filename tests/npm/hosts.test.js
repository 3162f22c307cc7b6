/**
 * Tests the packed package on its hosts: the README's examples in an empty project. Needs DAAD_PACKAGE (the tarball), DAAD_HOSTS (the folder of Deno, Bun,
 * Vite and Wrangler), DAAD_NATIVE_SCORES. Optional: CHROMIUM.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import test, { after, before, describe } from "node:test";
import { promisify } from "node:util";
import { brotliCompressSync, constants } from "node:zlib";
import { HEADERS } from "../../www/shared/policy.js";
import { SOFTWARE_GPU, launch } from "../web/support/page.js";
import { servePlainly } from "../web/support/plain-server.js";
import { assertClose } from "../web/support/close.js";
import { FLOORS, HOSTS, SMALL_MODEL, bytesOf, createProject, host, nativeScores, serve } from "./support/project.js";

const BUDGET_BYTES = 450e3;

/** @type {Awaited<ReturnType<typeof createProject>>} */
let project;
/** @type {Awaited<ReturnType<typeof nativeScores>>} */
let native;

before(async () => {
  project = await createProject();
  native = await nativeScores();
});

after(() => project?.remove());

test("what a page on the CPU downloads is small", async () => {
  const at = join(project.dir, "node_modules/daad");
  const files = ["index.js", "worker.js", "engines/cpu/daad.js", "engines/cpu/daad_bg.wasm"];
  const sizes = await Promise.all(files.map(async (file) => brotliCompressSync(await readFile(join(at, file)), { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 } }).length));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  assert.ok(bytes > 100e3 && bytes <= BUDGET_BYTES, `${bytes} bytes after brotli: ${sizes.join(" + ")}`);
});

describe("an endpoint", () => {
  /** @type {Record<string, () => [string, string[]]>} */
  const hosts = {
    Node: () => [process.execPath, ["server.mjs"]],
    Deno: () => [host("deno"), ["run", "--allow-net", "--allow-read", "--allow-env", "server.deno.mjs"]],
    Bun: () => [host("bun"), ["server.bun.mjs"]],
    Cloudflare: () => [host("wrangler"), ["dev", "--port", "0", "--show-interactive-dev-session=false"]],
  };
  for (const [name, command] of Object.entries(hosts)) {
    test(`in ${name} scores as the native program does, refuses what is no image or too large, and ends when it is told`, { timeout: 60_000 }, async () => {
      const start = performance.now();
      const server = await serve(project.dir, ...command());
      /** @param {BodyInit | null} body @param {RequestInit} [options] */
      const post = async (body, options = {}) => {
        const response = await fetch(server.url, { method: "POST", body, ...options });
        return { status: response.status, body: await response.json() };
      };
      try {
        const [first, ...others] = native;
        assert.ok(first);
        const image = await bytesOf(first.path);
        assertClose((await post(image)).body.score, first.score);
        const startMs = performance.now() - start;
        const answers = await Promise.all(others.map(async ({ path }) => post(await bytesOf(path)))); // all at once
        answers.forEach(({ status, body }, at) => {
          assert.equal(status, 200, JSON.stringify(body));
          assertClose(body.score, others[at]?.score ?? NaN);
          assert.equal(body.verdict, others[at]?.verdict);
        });
        const again = performance.now();
        for (let round = 0; round < 10; round++) await post(image);
        const imageMs = (performance.now() - again) / 10;
        const memory = await memoryOf(server.pid);
        console.log(`${name}: start and first image ${startMs.toFixed(0)} ms, ${imageMs.toFixed(0)} ms an image, ${memory} MiB`);
        const refused = await post("no image");
        assert.deepEqual([refused.status, /not an image/.test(refused.body.error)], [400, true]);
        assert.equal((await fetch(server.url)).status, 405);
        assert.equal((await post(new Uint8Array(21e6)).catch(() => ({ status: 413 }))).status, 413); // the server may close the connection during the upload
        const endless = new Blob([image]).stream();
        assert.equal((await post(endless, /** @type {any} */ ({ duplex: "half" })).catch(() => ({ status: 413 }))).status, 413, "of a length that nobody says");
        assertClose((await post(image)).body.score, first.score, "afterwards");
      } finally {
        const code = await server.stop();
        if (name !== "Cloudflare") assert.equal(code, 0, server.said());
      }
    });
  }
});

/** The memory in MiB of a process and its descendants; if Cloudflare's runtime is among them, only the memory of the runtime. @param {number | undefined} pid */
async function memoryOf(pid) {
  const { stdout } = await promisify(execFile)("ps", ["-e", "-o", "pid=,ppid=,rss=,comm="]).catch(() => ({ stdout: "" })); // not every machine has `ps`
  const all = stdout.trim().split("\n").map((line) => line.trim().split(/\s+/)).map(([id, parent, kib, name = ""]) => ({ id: Number(id), parent: Number(parent), kib: Number(kib), name }));
  const own = new Set([pid]);
  for (let size = 0; size !== own.size; ) {
    size = own.size;
    for (const { id, parent } of all) if (own.has(parent)) own.add(id);
  }
  const mine = all.filter(({ id }) => own.has(id));
  const runtime = mine.filter(({ name }) => name === "workerd");
  return Math.round((runtime.length > 0 ? runtime : mine).reduce((sum, { kib }) => sum + kib, 0) / 1024);
}

const ISOLATING = Object.fromEntries(Object.entries(HEADERS).filter(([name]) => name.startsWith("Cross")));

describe("a page", () => {
  /** @type {import("playwright-core").Browser} */
  let browser;

  before(async () => {
    browser = await launch([]);
  });

  after(() => browser?.close());

  /**
   * Opens a page, gives it the first image of the gallery, and reads the result.
   * @param {string} url
   * @param {{ isolated: boolean }} expected
   */
  async function look(url, { isolated }) {
    const [first] = native;
    assert.ok(first);
    const page = await browser.newPage({ viewport: { width: 390, height: 844 } });
    /** @type {string[]} */
    const complaints = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(url);
    const element = page.locator("daad-detector");
    const input = page.locator("input[type=file]").first(); // also finds an input in the element's shadow root
    await input.waitFor({ state: "attached" });
    await page.waitForFunction(() => document.querySelector("daad-detector")?.shadowRoot?.querySelector("output")?.textContent === "" || !document.querySelector("daad-detector"));
    await page.waitForLoadState("networkidle");
    await input.setInputFiles(first.path);
    const output = page.locator("output").first();
    await page.waitForFunction((output) => /\d\.\d{3}/.test(output?.textContent ?? ""), await output.elementHandle());
    const said = (await output.textContent()) ?? "";
    assert.match(said, new RegExp(first.verdict, "i"));
    assert.ok(said.includes(first.score.toFixed(3)), `${said} has ${first.score}`);
    assert.equal(await page.evaluate(() => crossOriginIsolated), isolated);
    assert.deepEqual(complaints, []);
    if ((await element.count()) > 0) {
      await input.setInputFiles({ name: "letter.png", mimeType: "image/png", buffer: Buffer.from("a letter") });
      await page.waitForFunction(() => /not an image/.test(document.querySelector("daad-detector")?.shadowRoot?.querySelector("output")?.textContent ?? ""));
      assert.equal(await element.evaluate((element) => /** @type {any} */ (element).detection), null, "the earlier result is not that of this file");
      const changed = await element.evaluate(async (/** @type {any} */ element) => {
        /** @type {string[]} */
        const errors = [];
        element.addEventListener("error", (/** @type {CustomEvent} */ { detail }) => errors.push(String(detail)));
        const loaded = new Promise((resolve) => element.addEventListener("load", resolve, { once: true }));
        const detecting = element.detect({ data: new Uint8Array(4 * 64 * 64), width: 64, height: 64 });
        element.backend = "wasm"; // loads another detector
        const result = await detecting;
        await loaded;
        return { result, errors };
      });
      assert.deepEqual(changed, { result: null, errors: [] }, "what was asked of the earlier detector is dropped");
      await input.setInputFiles(first.path);
      await page.waitForFunction(() => /\d\.\d{3}/.test(document.querySelector("daad-detector")?.shadowRoot?.querySelector("output")?.textContent ?? ""));
    }
    const shot = process.env["DAAD_SCREENSHOTS"];
    if (shot && (await element.count()) > 0) await page.screenshot({ path: join(shot, `element-${isolated}.png`) });
    await page.close();
  }

  for (const isolated of [true, false]) {
    test(`without a bundler, and the element, ${isolated ? "on an isolated page" : "from a plain server"}`, { timeout: 60_000 }, async (t) => {
      const server = await servePlainly(project.dir, isolated ? ISOLATING : {});
      t.after(() => server.stop());
      for (const name of ["plain.html", "element.html"]) await look(`${server.url}${name}`, { isolated });
    });
  }

  test("of another origin than the package, as from a CDN, scores whatever a browser can draw", { timeout: 60_000 }, async (t) => {
    const [first] = native;
    assert.ok(first);
    const own = await servePlainly(project.dir, {});
    t.after(() => own.stop());
    const cdn = await servePlainly(project.dir, { "Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin" });
    t.after(() => cdn.stop());
    const page = await browser.newPage();
    t.after(() => page.close());
    await page.goto(`${own.url}package.json`); // any file of that origin
    const scores = await page.evaluate(
      async ([cdn, base64]) => {
        const { Detector } = /** @type {typeof import("daad")} */ (await import(`${cdn}node_modules/daad/index.js`));
        const detector = await Detector.load(`${cdn}model.safetensors`);
        const blob = await (await fetch(`data:image/png;base64,${base64}`)).blob();
        const bitmap = await createImageBitmap(blob);
        const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
        const context = canvas.getContext("2d");
        context?.drawImage(bitmap, 0, 0);
        const element = Object.assign(document.createElement("canvas"), { width: bitmap.width, height: bitmap.height });
        element.getContext("2d")?.drawImage(bitmap, 0, 0);
        const picture = Object.assign(new Image(), { src: URL.createObjectURL(blob) });
        await picture.decode();
        const frame = new VideoFrame(bitmap, { timestamp: 0 });
        const pixels = context?.getImageData(0, 0, bitmap.width, bitmap.height);
        const images = { blob, bytes: new Uint8Array(await blob.arrayBuffer()), bitmap, canvas, element, picture, frame, pixels: pixels ?? blob };
        const scores = Object.entries(images).map(async ([name, image]) => [name, (await detector.detect(image)).score]);
        const all = Object.fromEntries(await Promise.all(scores));
        frame.close();
        const gone = await detector.detect(frame).catch((error) => error.code);
        return { ...all, gone };
      },
      /** @type {const} */ ([cdn.url, Buffer.from(await bytesOf(first.path)).toString("base64")]),
    );
    const { gone, ...all } = scores;
    assert.equal(gone, "image");
    assert.equal(Object.keys(all).length, 8);
    for (const [name, score] of Object.entries(all)) assertClose(Number(score), first.score, name);
  });

  test("whose GPU is lost with an image, and the next GPU too, scores it on the CPU", { timeout: 120_000 }, async (t) => {
    const server = await servePlainly(project.dir, {});
    t.after(() => server.stop());
    const withGpu = await launch(SOFTWARE_GPU);
    t.after(() => withGpu.close());
    const page = await withGpu.newPage();
    // Each worker's device is destroyed when it gets the larger image.
    const losing = `
      const { requestDevice } = GPUAdapter.prototype;
      const devices = [];
      GPUAdapter.prototype.requestDevice = async function (...words) {
        devices.push(await requestDevice.apply(this, words));
        return devices.at(-1);
      };
      self.addEventListener("message", ({ data }) => data.type === "detect" && data.image.width === 300 && devices.forEach((device) => device.destroy()));
    `;
    await page.route("**/worker.js", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: losing + (await response.text()) });
    });
    await page.goto(`${server.url}package.json`);
    const found = await page.evaluate(async (model) => {
      const { Detector } = /** @type {typeof import("daad")} */ (await import(`${location.origin}/node_modules/daad/index.js`));
      const detector = await Detector.load(Uint8Array.from(atob(model), (letter) => letter.charCodeAt(0)), { backend: "webgpu", patienceMs: 20_000 });
      const started = detector.engine.backend;
      const small = await detector.detect({ data: new Uint8Array(4 * 64 * 64).fill(200), width: 64, height: 64 });
      const lost = await detector.detect({ data: new Uint8Array(4 * 300 * 300).fill(200), width: 300, height: 300 });
      return { started, scores: [small.score, lost.score], engine: detector.engine };
    }, (await readFile(SMALL_MODEL)).toString("base64"));
    assert.equal(found.started, "webgpu");
    assertClose(found.scores[1] ?? NaN, found.scores[0] ?? NaN, "of the same grey");
    assert.equal(found.engine.backend, "wasm");
    assert.match(found.engine.note, /^WebGPU was tried and did not work.*destroyed/i);
  });

  test("with Vite, in development and built", { timeout: 90_000 }, async () => {
    /** @type {any} */
    const vite = await import(createRequire(join(HOSTS, "package.json")).resolve("vite"));
    await writeFile(join(project.dir, "index.html"), '<!doctype html><meta charset="utf-8"><input type="file"><canvas></canvas><output></output><script type="module" src="/main.js"></script>');
    const headers = ISOLATING;
    const common = { root: project.dir, configFile: false, logLevel: "error" };
    const development = await vite.createServer({ ...common, server: { port: 0, headers } });
    try {
      await development.listen();
      await look(development.resolvedUrls.local[0], { isolated: true });
    } finally {
      await development.close();
    }
    await vite.build({ ...common, build: { target: "es2022" } });
    const built = await vite.preview({ ...common, preview: { port: 0, headers } });
    try {
      await look(built.resolvedUrls.local[0], { isolated: true });
    } finally {
      await built.close();
    }
  });
});

test("its types pass a strict TypeScript, with a browser's types and without", async () => {
  await writeFile(join(project.dir, "element.ts"), 'import "daad/element";\nexport const score: number | undefined = document.querySelector("daad-detector")?.detection?.score;\n');
  const compile = (/** @type {string[]} */ libraries, /** @type {string} */ file) =>
    promisify(execFile)(host("tsc"), ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext", "--lib", libraries.join(), "--typeRoots", join(HOSTS, "node_modules/@types"), "--types", "node", file], { cwd: project.dir }).catch((error) =>
      assert.fail(error.stdout),
    );
  await compile(["es2022", "dom", "dom.iterable"], "strict.ts");
  await compile(["es2022", "dom", "dom.iterable"], "element.ts");
  await compile(["es2022"], "strict.ts");
  const types = join(project.dir, "node_modules/daad/types");
  for (const name of await readdir(types)) assert.doesNotMatch(await readFile(join(types, name), "utf8"), /[:<|] ?any\b/, name);
});

test("a model is trained in Node, and scores", { timeout: 60_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["train.mjs", FLOORS, "own.safetensors", "4"], { cwd: project.dir });
  assert.ok(stdout.trim().split("\n").length > 3, "it told of its progress");
  const { stdout: scored } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", 'import { Detector } from "daad"; const detector = await Detector.load("own.safetensors"); console.log((await detector.detect(await (await import("node:fs/promises")).readFile(process.argv[1]))).score)', join(FLOORS, "good-1.png")], { cwd: project.dir });
  assert.ok(Number.isFinite(Number(scored)), scored);
});
