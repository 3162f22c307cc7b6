/** The Content Security Policy and the isolation headers. The page has the policy in a tag, `scripts/serve.mjs` sends both, and the service worker adds both if a host does not send them. */

/** Images never leave the tab: the page may connect only to its own host, and it only requests files from there. */
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
  "Content-Security-Policy": `${POLICY}; frame-ancestors 'none'`, // browsers honour the last part only in a header
  // Cross-origin isolation: without it a browser gives wasm no threads.
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
});
