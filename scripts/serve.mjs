/**
 * Serves a site folder from memory: right MIME types, compressed where the browser takes it, strict headers. Loopback only unless told otherwise.
 * What was read at the start is served until the end, so a folder that is built anew meanwhile breaks nothing; start again to serve the new one.
 */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { lookup } from "mrmime";

/** @typedef {"br" | "gzip"} Coding */
/** @typedef {{ type: string, hash: string, plain: Buffer, br?: Buffer, gzip?: Buffer }} SiteFile `hash` is of the plain bytes, as in manifest.json */

const POLICY = [
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
  "frame-ancestors 'none'",
].join("; ");

/** In the order of preference, with the ends of the names that site.mjs gives the compressed copies. @type {readonly (readonly [Coding, string])[]} */
const CODINGS = [["br", ".br"], ["gzip", ".gz"]];

const HEADERS = {
  "Content-Security-Policy": POLICY,
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  // Cross-origin isolation: without it a browser gives wasm no threads.
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

const { dir, host, port } = options();
const site = await readSite(dir).catch((error) => fail(`The site folder ${dir} could not be read whole: ${error.message}`));

// Node itself answers what is no HTTP; a visitor who goes away in the middle is no error.
const server = createServer((request, response) => {
  request.on("error", () => {});
  response.on("error", () => {});
  answer(request, response);
});

server.on("error", (/** @type {NodeJS.ErrnoException} */ error) => {
  if (server.listening) return console.error(`A connection failed: ${error.message}`); // such as too many at once; the others go on
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
  if (!dir || !existsSync(join(dir, "index.html"))) fail(`--dir must name a site folder with an index.html; "${dir}" has none.`);
  if (!/^\d+$/.test(port) || Number(port) > 65535) fail(`--port must be a number from 0 to 65535; got "${port}".`);
  return { dir, host, port: Number(port) };
}

/**
 * Every file below a folder by its address, some 35 MB in all.
 * @param {string} dir
 * @returns {Promise<Map<string, SiteFile>>}
 */
async function readSite(dir, path = "") {
  /** @type {Map<string, SiteFile>} */
  const files = new Map();
  const entries = await readdir(join(dir, path), { withFileTypes: true });
  const names = new Set(entries.map((entry) => entry.name));
  for (const entry of entries) {
    const { name } = entry;
    const at = `${path}/${name}`;
    if (entry.isDirectory()) for (const [below, file] of await readSite(dir, at)) files.set(below, file);
    if (!entry.isFile() || CODINGS.some(([, suffix]) => name.endsWith(suffix) && names.has(name.slice(0, -suffix.length)))) continue;
    const plain = await readFile(join(dir, at));
    /** @type {SiteFile} */
    const file = { type: typeOf(name), hash: createHash("sha256").update(plain).digest("hex").slice(0, 16), plain };
    for (const [coding, suffix] of CODINGS) if (names.has(name + suffix)) file[coding] = await readFile(join(dir, at + suffix));
    files.set(at, file);
  }
  return files;
}

/** @param {string} name */
function typeOf(name) {
  const type = lookup(name) ?? "application/octet-stream";
  return type.startsWith("text/") ? `${type}; charset=utf-8` : type;
}

/**
 * Always the whole file: no browser needs a part of one here, so `Range` is passed over.
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 */
function answer({ method, url = "", headers }, response) {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  if (method !== "GET" && method !== "HEAD") return plain(response.setHeader("Allow", "GET, HEAD"), 405, "Only GET and HEAD are answered here.");
  const [path = "", query = ""] = url.split("?", 2);
  const file = site.get(path === "/" ? "/index.html" : decoded(path));
  if (!file) return plain(response, 404, "There is no such file here.");

  const [coding] = CODINGS.find(([coding]) => file[coding] && accepts(headers["accept-encoding"], coding)) ?? [];
  const etag = coding ? `"${file.hash}-${coding}"` : `"${file.hash}"`;
  response.setHeader("ETag", etag);
  response.setHeader("Vary", "Accept-Encoding");
  response.setHeader("Cache-Control", isForEver(query, file) ? "public, max-age=31536000, immutable" : "no-cache");
  if (has(headers["if-none-match"], etag)) return response.writeHead(304).end();

  const body = (coding && file[coding]) ?? file.plain;
  if (coding) response.setHeader("Content-Encoding", coding);
  response.writeHead(200, { "Content-Type": file.type, "Content-Length": body.length }).end(body); // Node leaves it out for HEAD
}

/** @param {string} path */
function decoded(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/**
 * Whether the address has the hash of what it names, so that it never names anything else.
 * @param {string} query
 * @param {SiteFile} file
 */
function isForEver(query, { hash }) {
  return new URLSearchParams(query).get("v") === hash;
}

/**
 * @param {string | undefined} header Accept-Encoding
 * @param {Coding} coding
 */
function accepts(header = "", coding) {
  return header.toLowerCase().split(",").some((part) => {
    const [name, ...rest] = part.split(";").map((word) => word.trim());
    return name === coding && !rest.some((word) => /^q=0(\.0*)?$/.test(word));
  });
}

/**
 * @param {string | undefined} header If-None-Match
 * @param {string} etag
 */
function has(header = "", etag) {
  return header.split(",").some((part) => ["*", etag].includes(part.trim().replace(/^W\//, "")));
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
