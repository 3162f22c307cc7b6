/**
 * The service worker. Without a network it serves files that were loaded before. With a network it serves the host's current files.
 * It keeps all files of its own version of the page, and a newer service worker replaces it only after every page of that version is closed. So a page
 * that was opened before a deployment still finds its parts.
 * If the host does not send the headers that isolate a page, the service worker adds them, because wasm threads need them.
 */

import { cacheNames, clientsClaim } from "workbox-core";
import { ExpirationPlugin } from "workbox-expiration";
import { addPlugins, precacheAndRoute } from "workbox-precaching";
import { registerRoute, setDefaultHandler } from "workbox-routing";
import { CacheFirst, NetworkFirst } from "workbox-strategies";
import { HEADERS } from "./shared/policy.js";

/** The maximum number of cached engines and models: enough for all files of this version, and small enough that files of older versions are removed soon. */
const KEPT_FILES = 40;
/** The maximum number of cached images, scripts and lists, twice as many as the page has. */
const KEPT_ANSWERS = 200;

/** The cache of engines and models. */
const FOR_EVER = "for-ever";

/** The page's own files, of any version. */
const OWN = /\/(?:page|daad)-[0-9a-f]{16}\/[^/]+$/;
/** A model, with the hash that `scripts/site.mjs` gave it. */
const HASHED = /-([0-9a-f]{16})\.safetensors$/;
/** The package's files, of any version. */
const PACKAGE = /\/daad-[0-9a-f]{16}\/.+$/;
/** The hashes of the package's files of this version; `scripts/site.mjs` inserts them. @type {Record<string, string>} */
const HASHES = /** @type {any} */ (self).__HASHES;

/** The time after which a network without an answer is treated as missing. */
const PATIENCE_S = 4;

/** @type {any} the type checker knows pages only */
const worker = self;
/** @type {string} */
const PAGE = worker.registration.scope;

clientsClaim();

/** Whether an answer has all headers that isolate the page. @param {Headers} headers */
const isIsolating = (headers) => Object.keys(HEADERS).every((name) => headers.has(name));

/** Adds the headers only to the page and the scripts of workers. Browsers cache compiled code only if the response is unchanged. */
const isolating = {
  /** @param {{ request: Request, response: Response }} answered */
  async handlerWillRespond({ request, response }) {
    if (isIsolating(response.headers) || response.type === "opaqueredirect" || !(request.mode === "navigate" || request.destination === "worker")) return response;
    const headers = new Headers(response.headers);
    for (const [name, value] of Object.entries(HEADERS)) if (!headers.has(name)) headers.set(name, value);
    return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
  },
};

/** Does not cache a file whose content does not have the expected hash. A host that is being updated may answer an address with the bytes of another version. */
const asHashed = {
  /** @param {{ request: Request, response: Response }} answered */
  async cacheWillUpdate({ request, response }) {
    if (!response.ok) return null;
    const digest = await crypto.subtle.digest("SHA-256", await response.clone().arrayBuffer());
    const hash = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const expected = HASHED.exec(new URL(request.url).pathname)?.[1] ?? HASHES[request.url.slice(PAGE.length)] ?? "?";
    return hash.startsWith(expected) ? response : null;
  },
};

// The files of this version of the page; `scripts/site.mjs` inserts their list.
addPlugins([isolating]);
/** @type {{ url: string }[]} */
const FILES = /** @type {any} */ (self).__WB_MANIFEST;
precacheAndRoute(/** @type {any} */ (FILES));

/** The cache of this version's page until this version takes over. */
const NEXT_OF_ALL = "next-page-";
const NEXT = `${NEXT_OF_ALL}${FILES[0]?.url}`;

// A newer version of the page may be open while its service worker still waits. That service worker has already put its files into the same cache.
registerRoute(({ sameOrigin, url }) => sameOrigin && OWN.test(url.pathname), new CacheFirst({ cacheName: cacheNames.precache, plugins: [isolating, { cacheWillUpdate: async () => null }] }));

// The page itself does not depend on the parameters in its address. Other navigations, such as to a picture, are no page.
const isPage = (/** @type {URL} */ { origin, pathname }) => [PAGE, `${PAGE}index.html`].includes(origin + pathname);
const asPage = { cacheKeyWillBeUsed: async () => PAGE, cacheWillUpdate: async (/** @type {{ response: Response }} */ { response }) => (response.status === 200 ? response : null) };
registerRoute(({ url }) => isPage(url), new NetworkFirst({ cacheName: "page", networkTimeoutSeconds: PATIENCE_S, plugins: [isolating, asPage] }));

// The content of an address with a hash never changes.
registerRoute(({ sameOrigin, url }) => sameOrigin && (HASHED.test(url.pathname) || PACKAGE.test(url.pathname)), new CacheFirst({ cacheName: FOR_EVER, plugins: [isolating, asHashed, expiring(KEPT_FILES)] }));

setDefaultHandler(new NetworkFirst({ cacheName: "fresh", networkTimeoutSeconds: PATIENCE_S, plugins: [isolating, expiring(KEPT_ANSWERS)] }));

worker.addEventListener("install", (/** @type {any} */ event) => event.waitUntil(Promise.all([passBy(event), keepPage()])));
worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(replacePage()));

/** Keeps this version's page until this version takes over. */
async function keepPage() {
  const page = await fetch(new Request(PAGE, { cache: "reload" }));
  const text = await page.clone().text();
  if (!FILES.some(({ url }) => text.includes(`"${url}"`))) throw new Error("The host has another version of the page by now.");
  await (await caches.open(NEXT)).put(PAGE, page);
}

/** Replaces the cached page, which names files of an earlier version: these are removed when this version takes over. */
async function replacePage() {
  const next = await (await caches.open(NEXT)).match(PAGE);
  if (next) await (await caches.open("page")).put(PAGE, next);
  for (const name of await caches.keys()) if (name.startsWith(NEXT_OF_ALL)) await caches.delete(name);
}

/**
 * Tells the browser, if it supports static routes, to take files with a hash in their address from the caches or the network without asking this service
 * worker, and to request the page from the network while this service worker starts. Starting it and asking it for each file would take processor time that the engine needs.
 * @param {any} event of the installation
 */
async function passBy(event) {
  if (!event.addRoutes) return;
  const isIsolated = await fetch(PAGE, { method: "HEAD" }).then(({ headers }) => isIsolating(headers), () => false);
  // If the host does not isolate the page, the page and the scripts of workers need the headers that this service worker adds.
  const kinds = isIsolated ? [{}] : ["", "script", "style"].map((requestDestination) => ({ requestDestination }));
  const any = (/** @type {string[]} */ ...paths) => ({ or: paths.flatMap((path) => kinds.map((kind) => ({ ...kind, urlPattern: new URLPattern({ pathname: new URL(PAGE).pathname + path }) }))) });
  await event.addRoutes([
    { condition: any("daad-*/engines/*", "models/*"), source: { cacheName: FOR_EVER } },
    { condition: any("page-*/*", "daad-*/*.js"), source: { cacheName: cacheNames.precache } },
    ...(isIsolated ? [{ condition: { requestMode: "navigate" }, source: "race-network-and-fetch-handler" }] : []),
  ]);
}

/** @param {number} maxEntries */
function expiring(maxEntries) {
  return new ExpirationPlugin({ maxEntries, purgeOnQuotaError: true });
}
