/** A static host as there are many: it knows the types of files, and sends no headers but those that it is told to. */

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { setTimeout } from "node:timers/promises";

/** Of a page that comes slowly: so many bytes at a time. */
const PIECE = 2000;
const PAUSE_MS = 100;

/** @type {Record<string, string>} */
const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".png": "image/png",
};

/** @param {string} dir @param {Record<string, string>} [headers] of every answer */
export async function servePlainly(dir, headers = {}) {
  const host = {
    url: "",
    /** What is served from now on. */
    dir,
    /** Whether pages come in pieces. */
    isSlow: false,
    /** Called with each path; the answer waits for it. @type {(path: string) => unknown} */
    before: () => {},
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  const server = createServer(async ({ url = "" }, response) => {
    const { pathname } = new URL(url, host.url);
    const path = pathname === "/" ? "/index.html" : pathname;
    await host.before(path);
    const content = await readFile(join(host.dir, path)).catch(() => null);
    if (!content) return void response.writeHead(404, headers).end();
    response.writeHead(200, { ...headers, "Content-Type": TYPES[extname(path)] ?? "application/octet-stream" });
    let sent = 0;
    for (; host.isSlow && path.endsWith(".html") && sent < content.length; sent += PIECE) {
      response.write(content.subarray(sent, sent + PIECE));
      await setTimeout(PAUSE_MS);
    }
    response.end(content.subarray(sent));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  host.url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/`;
  return host;
}
