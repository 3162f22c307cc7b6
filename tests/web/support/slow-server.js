/** A site over a slow line: its page comes in pieces, all else at once. */

import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout } from "node:timers/promises";

const PIECE = 2000;
const PAUSE_MS = 100;

/** @param {string} site the address of what is served */
export async function serveSlowly(site) {
  const server = createServer(async ({ url = "" }, response) => {
    const answer = await fetch(new URL(url, site));
    const type = answer.headers.get("content-type") ?? "";
    const content = Buffer.from(await answer.arrayBuffer());
    response.writeHead(answer.status, { "Content-Type": type });
    const piece = type.startsWith("text/html") ? PIECE : content.length || 1;
    for (let at = 0; at < content.length; at += piece) {
      if (at > 0) await setTimeout(PAUSE_MS);
      response.write(content.subarray(at, at + piece));
    }
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/`,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
