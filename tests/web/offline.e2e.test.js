/** Tests the page without a network, in a real browser. Needs DAAD_SITE, a folder made by scripts/site.mjs. Optional: CHROMIUM. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { SITE, browse } from "./support/browser.js";
import { goTo, reading, until } from "./support/page.js";

const web = browse();

/** Waits until everything that the page asked the service worker to cache is cached. @param {import("playwright-core").Page} page */
function kept(page) {
  return until(page, async () => {
    const preloaded = [...document.querySelectorAll("link[rel=preload]")].map((link) => /** @type {HTMLLinkElement} */ (link).href);
    const { models, series } = await (await fetch(preloaded.find((url) => url.endsWith("manifest.json")) ?? "")).json();
    const cache = await caches.open("for-ever");
    const urls = (await cache.keys()).map(({ url }) => url);
    const has = (/** @type {{ file: string }} */ { file }) => urls.some((url) => url.endsWith(file));
    const engine = urls.find((url) => url.endsWith("/daad_bg.wasm"));
    if (![models[0], ...series].every(has) || !engine || !urls.includes(engine.replace("daad_bg.wasm", "daad.js"))) return false;
    // A cache may exist before its entries, so each address is looked up, also the page's own.
    const used = performance.getEntriesByType("resource").map(({ name }) => name).filter((name) => name.startsWith(location.origin));
    const wanted = ["series.json", "floors/good-6.png", location.href.replace(/[?#].*/, ""), ...used];
    return (await Promise.all(wanted.map((url) => caches.match(url)))).every(Boolean);
  }, null);
}

test("one visit is enough: the next one needs no network", async () => {
  const { page, close } = await web.open(`?backend=wasm`, { serviceWorkers: "allow" });
  const online = await reading(page);
  await kept(page);
  const tab = await page.context().newPage();
  await tab.goto(`${web.url}series.json`); // a file in a tab of its own is not kept as the page
  await tab.close();
  await page.context().setOffline(true);
  await page.goto(`${web.url}?backend=wasm&r=16`);
  const offline = await reading(page);
  assert.equal(offline.score, online.score);
  assert.equal(offline.backend, online.backend, "on as many threads");
  await goTo(page, "networks");
  await page.waitForFunction(() => /%$/.test(document.querySelector("[data-testid=series-gap]")?.textContent ?? ""), null, { timeout: 60_000 });
  await goTo(page, "try");
  await page.getByTestId("gallery-item").last().click();
  assert.equal((await reading(page)).verdict, "Normal");
  await close();
});

test("with a network the page is as new as the host has it", async () => {
  const { page, close } = await web.open(`?backend=wasm`, { serviceWorkers: "allow" });
  await reading(page);
  await kept(page);
  const gallery = JSON.parse(await readFile(join(SITE, "gallery/gallery.json"), "utf8"));
  await page.context().route("**/gallery.json", (route) => route.fulfill({ json: { galleries: gallery.galleries.map((/** @type {any} */ one) => ({ ...one, title: "Another gallery" })) } }));
  await page.reload();
  await reading(page);
  assert.match((await page.locator("#attribution").textContent()) ?? "", /Another gallery/);
  await close();
});

test("can be installed: a manifest with a name, a start and an icon that is there", async () => {
  const [link = ""] = /<link [^>]*rel="manifest"[^>]*>/.exec(await (await fetch(web.url)).text()) ?? [];
  const [, href = ""] = /href="([^"]+)"/.exec(link) ?? [];
  assert.ok(href, "the page names it");
  const response = await fetch(new URL(href, web.url));
  assert.equal(response.headers.get("content-type"), "application/manifest+json");
  const manifest = /** @type {any} */ (await response.json());
  assert.ok(manifest.name && manifest.display === "standalone" && manifest.start_url);
  const icon = await fetch(new URL(manifest.icons[0].src, response.url));
  assert.equal(icon.headers.get("content-type"), "image/svg+xml");
});
