/**
 * Serves a site folder, compressed if the browser accepts it, with the headers for isolation and caching. By default it listens only on loopback.
 * It serves a copy that it makes at the start, so building the folder again does not disturb visitors. To serve the new files, restart the
 * server.
 */

import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import sirv from "sirv";
import { HEADERS } from "../www/shared/policy.js";

const ALL_HEADERS = {
  ...HEADERS,
  "Cross-Origin-Resource-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};

/** Addresses whose content never changes: `site.mjs` puts a hash of the content into the name of a file, or of the folder of the page's own files. */
const FOR_EVER = /^\/(?:(?:page|daad)-[0-9a-f]{16}\/|.*-[0-9a-f]{16}\.\w+$)/;

const { dir, host, port } = options();
const files = sirv(copyOf(dir), {
  dev: false,
  brotli: true,
  gzip: true,
  etag: true,
  onNoMatch: (_, response) => plain(response, 404, "There is no such file here."),
  setHeaders: (response, path) => void response.setHeader("Cache-Control", FOR_EVER.test(path) ? "public, max-age=31536000, immutable" : "no-cache"),
});

const server = createServer((request, response) => {
  for (const [name, value] of Object.entries(ALL_HEADERS)) response.setHeader(name, value);
  if (request.method !== "GET" && request.method !== "HEAD") return plain(response.setHeader("Allow", "GET, HEAD"), 405, "Only GET and HEAD are answered here.");
  delete request.headers.range; // the whole file is sent, because sirv fails at an invalid range
  // A visitor may leave during a download. This is no error, but the file must be closed.
  response.on("pipe", (file) => {
    response.on("close", () => file.destroy());
    file.on("error", () => response.destroy());
  });
  files(request, response);
});

server.on("error", (/** @type {NodeJS.ErrnoException} */ error) => {
  if (server.listening) return console.error(`A connection failed: ${error.message}`); // such as too many connections; the other connections continue
  if (error.code === "EADDRINUSE") fail(`Port ${port} is in use: choose another with --port, or 0 for any free one.`);
  if (error.code === "EACCES") fail(`Port ${port} may not be used by this account: choose one above 1023 with --port.`);
  fail(`The server could not start: ${error.message}`);
});

server.listen(port, host, () => {
  const address = server.address();
  const actual = typeof address === "object" && address ? address.port : port;
  console.log(`Serving on http://${host.includes(":") ? `[${host}]` : host}:${actual}/ (Ctrl-C stops)`);
});

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
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
  if (!dir || !existsSync(join(dir, "index.html"))) fail(`--dir must name a site folder with an index.html; "${dir}" has none.`);
  if (!/^\d+$/.test(port) || Number(port) > 65535) fail(`--port must be a number from 0 to 65535; got "${port}".`);
  return { dir, host, port: Number(port) };
}

/**
 * Copies the folder; the copy is deleted when this process ends.
 * @param {string} dir
 */
function copyOf(dir) {
  const copy = mkdtempSync(join(tmpdir(), "daad-site-"));
  process.on("exit", () => rmSync(copy, { recursive: true, force: true }));
  try {
    cpSync(dir, copy, { recursive: true, preserveTimestamps: true });
  } catch (error) {
    fail(`The site folder ${dir} could not be read whole: ${error instanceof Error ? error.message : error}`);
  }
  return copy;
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
