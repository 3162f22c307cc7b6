/** What the page may do, and what isolates it: said by the page itself, by `scripts/serve.mjs`, and by the service worker where a host says nothing. */

/** Images never leave the tab: nothing is sent anywhere but to the page's own host, which is only ever asked for files. */
export const POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "media-src blob:",
  "connect-src 'self'",
  "worker-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** The headers of the page and of its workers, which do not inherit the policy of the page. */
export const HEADERS = Object.freeze({
  "Content-Security-Policy": `${POLICY}; frame-ancestors 'none'`, // the last part counts in a header only
  // Cross-origin isolation: without it a browser gives wasm no threads.
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
});
