/** Keeps the page for visits without a network: all that this one has used, and what it would use next. Loaded when there is nothing better to do. */

import { SITE, address, fetchManifest, request } from "./download.js";
import { register } from "./isolation.js";

/** The browser may offer to install the page once it has a service worker. Never fails: the page is of use without. */
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

/** What this visit has used. Of what its worker loaded, only the engine's code is known. */
function used() {
  const own = performance.getEntriesByType("resource").map(({ name }) => name);
  return [location.href.replace(/[?#].*/, ""), ...own].filter((url) => new URL(url).origin === location.origin);
}

/** What the worker loads by itself, and what a visitor may look at only when there is no network any more, unless data are dear. */
async function wanted() {
  const { engines, series } = await fetchManifest();
  const known = used();
  const ofEngines = Object.values(engines).filter((engine) => known.includes(address(engine))).map(({ script }) => address(script));
  const isDear = Boolean(/** @type {any} */ (navigator).connection?.saveData);
  return [...ofEngines, ...(isDear ? [] : [...series.map(address), ...(await floors())])];
}

async function floors() {
  const list = "floors/samples.json";
  /** @type {import("./series/state.js").Samples} */
  const { samples } = await (await request(list, "the list of floors")).json();
  return [list, ...samples.map(({ file }) => `floors/${file}`)].map((file) => new URL(file, SITE).href);
}
