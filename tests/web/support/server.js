/** Starts the page's server as a separate process. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const SERVE = fileURLToPath(new URL("../../../scripts/serve.mjs", import.meta.url));

/** @param {string} dir */
export async function serve(dir) {
  const server = spawn(process.execPath, [SERVE, "--dir", dir, "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await Promise.race([once(server.stdout, "data"), once(server, "exit").then(() => assert.fail("the server did not start"))]);
  const url = /http:\S+/.exec(String(line))?.[0];
  assert.ok(url, `the server said: ${line}`);
  return {
    url,
    pid: server.pid,
    async stop() {
      server.kill("SIGINT");
      const [code] = await once(server, "exit");
      assert.equal(code, 0, "Ctrl-C stops the server cleanly");
    },
  };
}
