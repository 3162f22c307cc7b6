/** The service worker: what was here once is here again without a network. With one, everything is as fresh as the host has it. */

import { clientsClaim } from "workbox-core";
import { ExpirationPlugin } from "workbox-expiration";
import { registerRoute, setDefaultHandler } from "workbox-routing";
import { CacheFirst, NetworkFirst } from "workbox-strategies";

/** Enough for an engine of each kind, all models and the page's own files; of older versions nothing stays long. */
const KEPT_FILES = 60;
/** Images, scripts and lists, twice as many as there are. */
const KEPT_ANSWERS = 200;

/** Of the hashes in `manifest.json`. */
const HASH_LENGTH = 16;

/** A network that has not answered by then is none. */
const PATIENCE_S = 4;

/** @type {any} the type checker knows pages only */
const worker = self;
/** @type {string} */
const PAGE = worker.registration.scope;

worker.skipWaiting();
clientsClaim();

/** A host that is being updated may answer an address with the bytes of another version: what its hash denies is not kept. */
const asHashed = {
  /** @param {{ request: Request, response: Response }} answered */
  async cacheWillUpdate({ request, response }) {
    if (!response.ok) return null;
    const digest = await crypto.subtle.digest("SHA-256", await response.clone().arrayBuffer());
    const hash = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return hash.startsWith(new URL(request.url).searchParams.get("v") ?? "?") ? response : null;
  },
};

// The page itself is the same whatever its address asks for.
const page = new NetworkFirst({ cacheName: "page", networkTimeoutSeconds: PATIENCE_S, plugins: [{ cacheKeyWillBeUsed: async () => PAGE }] });
registerRoute(({ request, url }) => request.mode === "navigate" || url.href === PAGE, page);

// An address with a hash never names anything else.
registerRoute(({ sameOrigin, url }) => sameOrigin && (url.searchParams.get("v")?.length ?? 0) === HASH_LENGTH, new CacheFirst({ cacheName: "for-ever", plugins: [asHashed, expiring(KEPT_FILES)] }));

setDefaultHandler(new NetworkFirst({ cacheName: "fresh", networkTimeoutSeconds: PATIENCE_S, plugins: [expiring(KEPT_ANSWERS)] }));

/** @param {number} maxEntries */
function expiring(maxEntries) {
  return new ExpirationPlugin({ maxEntries, purgeOnQuotaError: true });
}
