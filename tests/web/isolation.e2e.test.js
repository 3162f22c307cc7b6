/** Tests the page on a static host that sends no headers, in a real browser. Needs DAAD_SITE, a folder made by scripts/site.mjs. Optional: CHROMIUM. */

import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, afterEach, before, describe } from "node:test";
import { SITE, browse } from "./support/browser.js";
import { open, reading, text, until } from "./support/page.js";
import { servePlainly } from "./support/plain-server.js";
import { teachable } from "./support/teach.js";

/** @typedef {import("playwright-core").Page} Page */

const web = browse(); // its server sends the headers

/** An address with a hash for which the later version has content with another hash. */
const WRONG = "models/wrong-0123456789abcdef.safetensors";

/** @type {Awaited<ReturnType<typeof servePlainly>>} */
let host;

before(async () => {
  host = await servePlainly(SITE);
});

afterEach(() => {
  host.dir = SITE;
  host.before = () => {};
});

after(() => host?.stop());

/** Makes the machine report four cores. @param {Page} page */
function fourCores(page) {
  return page.addInitScript(() => Object.defineProperty(navigator, "hardwareConcurrency", { get: () => 4 }));
}

/**
 * @param {Parameters<typeof open>[2]} [options]
 * @returns {Promise<Awaited<ReturnType<typeof open>> & { loads: () => number }>} `loads`: how often the page was loaded
 */
async function visit({ prepare, ...options } = {}, url = `${host.url}?backend=wasm`) {
  let loads = 0;
  const opened = await web.openAt(url, {
    serviceWorkers: "allow",
    ...options,
    prepare: async (page) => {
      page.on("domcontentloaded", () => loads++);
      await fourCores(page);
      await prepare?.(page);
    },
  });
  return { ...opened, loads: () => loads };
}

/** Waits until the page was reloaded and is isolated by the service worker. @param {Page} page */
async function comeAgain(page) {
  await page.waitForFunction(() => crossOriginIsolated).catch(() => page.waitForFunction(() => crossOriginIsolated)); // the reload may end the first wait
}

/** @param {Page} page */
function controlled(page) {
  return page.waitForFunction(() => navigator.serviceWorker.controller !== null);
}

describe("a host that sends no headers", () => {
  test("has an isolated page with threads after it came once more, and only once", async () => {
    const { page, close, loads } = await visit();
    await comeAgain(page);
    assert.match((await reading(page)).backend, /4 threads/);
    assert.equal(loads(), 2);
    await page.reload();
    assert.match((await reading(page)).backend, /4 threads/);
    await teachable(page);
    assert.match(await text(page, "teach-said"), /^Give it images/);
    assert.equal(loads(), 3);
    await close();
  });

  test("does not take from visitors what they have done: the next visit is isolated", async () => {
    const released = deferred();
    host.before = (path) => path === "/service-worker.js" && released.promise;
    const { page, close, loads } = await visit();
    assert.doesNotMatch((await reading(page)).backend, /threads/);
    await page.getByTestId("gallery-item").last().click();
    await reading(page);
    released.resolve(null);
    await controlled(page);
    await page.waitForFunction(() => /^Training needs/.test(document.querySelector("[data-testid=teach-said]")?.textContent ?? ""));
    assert.ok(await page.getByTestId("teach-start").isDisabled());
    assert.equal(loads(), 1);
    host.before = () => {};
    await page.reload();
    assert.match((await reading(page)).backend, /4 threads/);
    assert.equal(loads(), 2);
    await close();
  });

  test("cannot make the page talk to anybody else, nor its workers", async () => {
    const { page, close } = await visit();
    await comeAgain(page);
    await reading(page);
    const elsewhere = host.url.replace("127.0.0.1", "localhost"); // another name of the same host is another origin
    const refused = await page.evaluate((elsewhere) => {
      const refused = new Promise((resolve) => document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => resolve(effectiveDirective)));
      void fetch(elsewhere).catch(() => {});
      return refused;
    }, elsewhere);
    assert.equal(refused, "connect-src");
    const worker = page.workers()[0];
    assert.ok(worker);
    const refusedToWorker = await worker.evaluate((elsewhere) => {
      const refused = new Promise((resolve) => self.addEventListener("securitypolicyviolation", (/** @type {any} */ { effectiveDirective }) => resolve(effectiveDirective)));
      void fetch(elsewhere).catch(() => {});
      return refused;
    }, elsewhere);
    assert.equal(refusedToWorker, "connect-src");
    await close(/Content Security Policy|Fetch API cannot load/);
  });
});

test("a server that sends the headers is not asked for the page once more", async () => {
  const { page, close, loads } = await visit({}, `${web.url}?backend=wasm`);
  assert.match((await reading(page)).backend, /4 threads/);
  await controlled(page);
  assert.equal(await page.evaluate(() => crossOriginIsolated), true);
  assert.equal(loads(), 1);
  await close();
});

describe("a page that was open before a deployment", () => {
  /** @type {string} */
  let later;

  before(async () => {
    later = await laterVersion();
  });

  after(async () => {
    await rm(later, { recursive: true, force: true });
  });

  test("still finds its own parts", async () => {
    const { page, close } = await visit();
    await comeAgain(page);
    await reading(page);
    host.dir = later;
    await page.locator("[name=view][value=swipe]").click();
    await page.getByTestId("swipe").waitFor();
    await close();
  });

  test("still finds them where its own service worker waits for an older page to close", async () => {
    const { page, close } = await visit();
    await comeAgain(page);
    await reading(page);
    host.dir = later;
    await page.reload();
    await reading(page);
    assert.equal(await page.locator("script[src*=page-0123456789abcdef]").count(), 1, "the page is of the later version");
    await until(page, async () => Boolean((await navigator.serviceWorker.getRegistration())?.waiting), null);
    host.dir = SITE; // this folder does not have the parts of the later version
    await page.locator("[name=view][value=swipe]").click();
    await page.getByTestId("swipe").waitFor();
    await close();
  });

  test("asks its visitor to reload it where there is no service worker", async () => {
    const { page, close } = await visit({ serviceWorkers: "block" });
    await reading(page);
    host.dir = later;
    await page.locator("[name=view][value=swipe]").click();
    await page.waitForFunction(() => /could not be loaded.*reload the page/.test(document.querySelector("#message")?.textContent ?? ""));
    await close(/Failed to load resource|Failed to fetch/);
  });

  test("does not keep bytes that are not what their address says", async () => {
    const { page, close } = await visit();
    await comeAgain(page);
    await reading(page);
    host.dir = later; // like a host that is being updated
    const isKept = (/** @type {string} */ file) => page.evaluate(async (file) => Boolean(await (await caches.open("for-ever")).match(file)), file);
    const right = `${(await readdir(SITE)).find((name) => name.startsWith("daad-"))}/engines/webgpu/daad.js`; // not requested yet
    assert.equal(await isKept(right), false);
    for (const file of [WRONG, right]) await page.evaluate(async (file) => void (await (await fetch(file)).arrayBuffer()), file);
    await until(page, async (file) => Boolean(await (await caches.open("for-ever")).match(file)), right);
    assert.equal(await isKept(WRONG), false);
    await close();
  });

  /** A copy of the site with another name for the folder of the page's own files, and a file whose content does not have the hash in its name. */
  async function laterVersion() {
    const dir = await mkdtemp(join(tmpdir(), "daad-later-"));
    await cp(SITE, dir, { recursive: true });
    const version = (await readdir(dir)).find((name) => name.startsWith("page-")) ?? assert.fail("the site has a folder of the page's own files");
    await rename(join(dir, version), join(dir, "page-0123456789abcdef"));
    for (const name of ["index.html", "service-worker.js"]) {
      const file = join(dir, name);
      await writeFile(file, (await readFile(file, "utf8")).replaceAll(version, "page-0123456789abcdef"));
    }
    await writeFile(join(dir, WRONG), "x");
    return dir;
  }
});

function deferred() {
  /** @type {(value: unknown) => void} */
  let resolve = () => {};
  const promise = new Promise((done) => (resolve = done));
  return { promise, resolve };
}
