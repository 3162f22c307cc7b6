/** The service worker: what was here once is here again without a network. With one, everything is as fresh as the host has it. */

import { clientsClaim } from "workbox-core";
import { ExpirationPlugin } from "workbox-expiration";
import { registerRoute, setDefaultHandler } from "workbox-routing";
import { CacheFirst, NetworkFirst } from "workbox-strategies";

/** Enough for an engine of each kind, all models and the page's own files; of older versions nothing stays long. */
const KEPT_FILES = 60;

/** A network that has not answered by then is none. */
const PATIENCE_S = 4;

/** @type {any} the type checker knows pages only */
const worker = self;
/** @type {string} */
const PAGE = worker.registration.scope;

worker.skipWaiting();
clientsClaim();

// An address with a hash never names anything else.
registerRoute(({ sameOrigin, url }) => sameOrigin && url.searchParams.has("v"), new CacheFirst({ cacheName: "for-ever", plugins: [new ExpirationPlugin({ maxEntries: KEPT_FILES, purgeOnQuotaError: true })] }));

// The page itself is the same whatever its address asks for.
const page = new NetworkFirst({ cacheName: "page", networkTimeoutSeconds: PATIENCE_S, plugins: [{ cacheKeyWillBeUsed: async () => PAGE }] });
registerRoute(({ request, url }) => request.mode === "navigate" || url.href === PAGE, page);

setDefaultHandler(new NetworkFirst({ cacheName: "fresh", networkTimeoutSeconds: PATIENCE_S }));
