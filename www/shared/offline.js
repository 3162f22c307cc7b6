/** Caches the page for visits without a network: all files that this visit has used, and those that it would use next. Loaded when the page is idle. */

import { SITE, address, fetchManifest, request } from "./download.js";
import { register } from "./isolation.js";

/** The browser may offer to install the page once it has a service worker. Never fails, because the page also works without a service worker. */
export async function open() {
  if (!("serviceWorker" in navigator)) return;
  try {
    await register();
    const { active } = await navigator.serviceWorker.ready;
    active?.postMessage({ type: "CACHE_URLS", payload: { urlsToCache: [...used(), ...(await wanted())] } }); // workbox-routing knows this message
  } catch (error) {
    console.info("The page will not be here without a network.", error);
  }
}

/** The files that this visit has used. Of the files that the worker loaded, only the engine's code is known. */
function used() {
  const own = performance.getEntriesByType("resource").map(({ name }) => name);
  return [location.href.replace(/[?#].*/, ""), ...own].filter((url) => new URL(url).origin === location.origin);
}

/** The files that the worker loads, and files that a visitor may open only later, without a network. Without the latter if the browser saves data. */
async function wanted() {
  const { models, series } = await fetchManifest();
  // The worker imports the script of an engine whose code the page has downloaded.
  const ofEngines = used().filter((url) => url.endsWith("/daad_bg.wasm")).map((url) => url.replace("daad_bg.wasm", "daad.js"));
  const isDear = Boolean(/** @type {any} */ (navigator).connection?.saveData);
  return [...ofEngines, ...(isDear ? [] : [...[...models, ...series].map(address), ...(await floors()), ...(await samples())])];
}

/** The images of all models. */
async function samples() {
  /** @type {{ galleries: import("./types.js").Gallery[] }} */
  const { galleries } = await (await request("gallery/gallery.json", "the gallery")).json();
  return galleries.flatMap(({ samples }) => samples.map(({ file }) => new URL(`gallery/${file}`, SITE).href));
}

async function floors() {
  const list = "floors/samples.json";
  /** @type {import("../why/series/state.js").Samples} */
  const { samples } = await (await request(list, "the list of floors")).json();
  return [list, ...samples.map(({ file }) => `floors/${file}`)].map((file) => new URL(file, SITE).href);
}
