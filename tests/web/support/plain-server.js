/** A typical static host: it sends the content type of files, and no other headers than the given ones. */

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { setTimeout } from "node:timers/promises";

/** The number of bytes that a slow host sends at a time. */
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

/** @param {string} dir @param {Record<string, string>} [headers] sent with every response */
export async function servePlainly(dir, headers = {}) {
  const host = {
    url: "",
    /** The folder that is served; a test may change it. */
    dir,
    /** Whether pages are sent slowly, in pieces. */
    isSlow: false,
    /** Called with the path of each request; the response waits for it. @type {(path: string) => unknown} */
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
