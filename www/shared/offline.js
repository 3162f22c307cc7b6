/** Caches the page for visits without a network: all files that this visit has used, and those that a visitor may open later. Loaded when the page is idle. */

import { SITE, address, fetchManifest, request } from "./download.js";
import { register } from "./isolation.js";

/** An address with a hash; the browser may load such a file without asking the service worker. */
const HASHED = /-[0-9a-f]{16}[./]/;

/** The browser may offer to install the page once it has a service worker. Never fails, because the page also works without a service worker. */
export async function open() {
  if (!("serviceWorker" in navigator)) return;
  try {
    await register();
    const { active } = await navigator.serviceWorker.ready;
    const keep = (/** @type {string[]} */ urls) => active?.postMessage({ type: "CACHE_URLS", payload: { urlsToCache: urls } }); // workbox-routing knows this message
    keep([location.href.replace(/[?#].*/, ""), ...used(performance.getEntriesByType("resource")), ...(await wanted())]);
    // Files with a hash in their address that are downloaded later, such as another engine, bypass the service worker, so the page asks it to cache them.
    new PerformanceObserver((list) => keep(used(list.getEntries()).filter((url) => HASHED.test(url)))).observe({ type: "resource" });
  } catch (error) {
    console.info("The page will not be here without a network.", error);
  }
}

/** The page's own files among `entries`, and the scripts of its engines, which the worker imports. @param {readonly PerformanceEntry[]} entries */
function used(entries) {
  const own = entries.map(({ name }) => name).filter((url) => new URL(url).origin === location.origin);
  return [...own, ...own.filter((url) => url.endsWith("/daad_bg.wasm")).map((url) => url.replace("daad_bg.wasm", "daad.js"))];
}

/** Files that a visitor may open only later, without a network. None if the browser saves data. */
async function wanted() {
  const { models, series } = await fetchManifest();
  const isDear = Boolean(/** @type {any} */ (navigator).connection?.saveData);
  return isDear ? [] : [...[...models, ...series].map(address), ...(await seriesImages()), ...(await samples())];
}

/** The images of all models. */
async function samples() {
  /** @type {{ galleries: import("./types.js").Gallery[] }} */
  const { galleries } = await (await request("gallery/gallery.json", "the gallery")).json();
  return galleries.flatMap(({ samples }) => samples.map(({ file }) => new URL(`gallery/${file}`, SITE).href));
}

/** The images of the models that differ in their block size alone. */
async function seriesImages() {
  /** @type {import("../why/series/state.js").Listed[]} */
  const kinds = await (await request("series.json", "the list of images")).json();
  return ["series.json", ...kinds.flatMap(({ samples }) => samples.map(({ file }) => file))].map((file) => new URL(file, SITE).href);
}
