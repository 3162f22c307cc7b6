/** Serves a site folder: right MIME types, the compressed files beside the plain ones, strict headers. Loopback only unless told otherwise. */

import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";
import sirv from "sirv";

const POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "worker-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const HEADERS = {
  "Content-Security-Policy": POLICY,
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  // Cross-origin isolation: what wasm threads will need.
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

const { dir, host, port } = options();
const files = sirv(dir, {
  brotli: true,
  gzip: true,
  etag: true,
  maxAge: 0,
  setHeaders: (response, pathname) => {
    if (pathname.endsWith(".safetensors")) response.setHeader("Content-Type", "application/octet-stream");
  },
});

const server = createServer((request, response) => {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  if (request.method !== "GET" && request.method !== "HEAD") return plain(response, 405, "Only GET and HEAD are answered here.");
  // An address with a content hash never changes its content.
  if (request.url?.includes("?v=")) response.setHeader("Cache-Control", "public,max-age=31536000,immutable");
  files(request, response, () => {
    response.removeHeader("Cache-Control");
    plain(response, 404, "There is no such file here.");
  });
});

server.on("error", (/** @type {NodeJS.ErrnoException} */ error) => {
  if (error.code === "EADDRINUSE") fail(`Port ${port} is in use: choose another with --port, or 0 for any free one.`);
  if (error.code === "EACCES") fail(`Port ${port} may not be used by this account: choose one above 1023 with --port.`);
  fail(`The server could not start: ${error.message}`);
});

server.listen(port, host, () => {
  const address = server.address();
  const actual = typeof address === "object" && address ? address.port : port;
  console.log(`Serving on http://${host.includes(":") ? `[${host}]` : host}:${actual}/ (Ctrl-C stops)`);
});

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.once(signal, () => {
    server.close(() => process.exit(0));
    server.closeAllConnections?.(); // Node 18.2 and later
  });
}

function options() {
  /** @type {Record<string, string | undefined>} */
  let values;
  try {
    ({ values } = parseArgs({ options: { dir: { type: "string" }, host: { type: "string", default: "127.0.0.1" }, port: { type: "string", default: "8080" } } }));
  } catch (error) {
    fail(`${error instanceof Error ? error.message : error}\nUsage: node scripts/serve.mjs --dir DIR [--port 8080] [--host 127.0.0.1]`);
  }
  const { dir = "", host = "", port = "" } = values;
  if (!existsSync(join(dir, "index.html"))) fail(`--dir must name a site folder with an index.html; "${dir}" has none.`);
  const number = Number(port);
  if (!port || !Number.isInteger(number) || number < 0 || number > 65535) fail(`--port must be a number from 0 to 65535; got "${port}".`);
  return { dir, host, port: number };
}

/**
 * @param {import("node:http").ServerResponse} response
 * @param {number} status
 * @param {string} text
 */
function plain(response, status, text) {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" }).end(`${text}\n`);
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(message);
  process.exit(1);
}
