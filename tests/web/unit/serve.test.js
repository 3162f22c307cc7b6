import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { brotliCompressSync } from "node:zlib";
import { serve } from "../support/server.js";

const ENGINE = Buffer.alloc(8e6, "engine ");
const FOLDER = "page-0123456789abcdef";
const ADDRESS = "/daad-0123456789abcdef/engines/cpu/daad_bg.wasm";

/** @type {string} */
let dir;
/** @type {Awaited<ReturnType<typeof serve>>} */
let site;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), "daad-serve-"));
  await mkdir(join(dir, "daad-0123456789abcdef/engines/cpu"), { recursive: true });
  await mkdir(join(dir, FOLDER));
  for (const name of [`${FOLDER}/main.js`, "service-worker.js"]) await writeFile(join(dir, name), "// a script");
  await writeFile(join(dir, "index.html"), "<!doctype html><title>é</title>");
  await writeFile(join(dir, "index.html.br"), brotliCompressSync("<!doctype html><title>é</title>"));
  await writeFile(join(dir, ADDRESS), ENGINE);
  site = await serve(dir);
});

after(async () => {
  await site?.stop();
  await rm(dir, { recursive: true, force: true });
});

/** @param {string} path @param {RequestInit} [options] */
function ask(path, options) {
  return fetch(new URL(path, site.url), options);
}

test("a range, possible or not, is answered with the whole file", async () => {
  for (const range of ["bytes=5-2", "bytes=0-3", "bytes=-1", "bytes=99999999-", "bytes=x", ""]) {
    const response = await ask(ADDRESS, { headers: { range } });
    assert.equal(response.status, 200, range);
    assert.equal((await response.arrayBuffer()).byteLength, ENGINE.length, range);
  }
});

test("types, compression and addresses are right", async () => {
  const page = await ask("/", { headers: { "accept-encoding": "gzip, br" } });
  assert.equal(page.headers.get("content-type"), "text/html;charset=utf-8");
  assert.equal(page.headers.get("content-encoding"), "br");
  assert.match(await page.text(), /é/);
  assert.equal((await ask("/", { headers: { "accept-encoding": "identity" } })).headers.get("content-encoding"), null);
  assert.equal((await ask(ADDRESS)).headers.get("content-type"), "application/wasm");
  for (const path of ["/nothing", "/engines", "/%2e%2e/%2e%2e/etc/passwd", "/%ff", "//"]) assert.equal((await ask(site.url + path.slice(1))).status, 404, path);
  const refused = await ask("/", { method: "POST", body: "x" });
  assert.deepEqual([refused.status, refused.headers.get("allow")], [405, "GET, HEAD"]);
  const head = await ask(ADDRESS, { method: "HEAD" });
  assert.deepEqual([head.headers.get("content-length"), await head.text()], [String(ENGINE.length), ""]);
});

test("an address with a hash is kept for ever, the rest is asked for again", async () => {
  const cache = async (/** @type {string} */ path) => (await ask(path, { method: "HEAD" })).headers.get("cache-control");
  for (const path of [ADDRESS, `/${FOLDER}/main.js`]) assert.match((await cache(path)) ?? "", /immutable/, path);
  for (const path of ["/", "/index.html", "/service-worker.js"]) assert.equal(await cache(path), "no-cache", path);
  assert.equal(await cache("/daad-0123456789abcdef/engines/cpu/gone.wasm"), null);
  const etag = (await ask("/")).headers.get("etag") ?? "";
  assert.equal((await ask("/", { headers: { "if-none-match": etag } })).status, 304);
  assert.equal((await ask("/", { headers: { "if-none-match": '"x"' } })).status, 200);
});

test("every answer is isolated and has the policy", async () => {
  for (const path of ["/", ADDRESS, "/nothing"]) {
    const { headers } = await ask(path);
    assert.equal(headers.get("cross-origin-opener-policy"), "same-origin", path);
    assert.equal(headers.get("cross-origin-embedder-policy"), "require-corp", path);
    assert.match(headers.get("content-security-policy") ?? "", /connect-src 'self'/, path);
  }
});

test("downloads that break off leave nothing behind", async () => {
  for (let i = 0; i < 100; i++) {
    await new Promise((resolve, reject) => {
      const request = get(new URL(ADDRESS, site.url), (response) => {
        response.on("error", () => {}).once("data", () => {
          request.destroy();
          resolve(null);
        });
      });
      request.on("error", reject);
    });
  }
  assert.equal((await ask("/")).status, 200);
  const descriptors = `/proc/${site.pid}/fd`; // not every system has this folder
  if (existsSync(descriptors)) assert.ok((await readdir(descriptors)).length < 60, "descriptors are given back");
});

test("a folder that changes or goes while it is served does no harm", async () => {
  const kept = `${dir}-kept`;
  await cp(dir, kept, { recursive: true });
  try {
    await writeFile(join(dir, ADDRESS), "shorter");
    assert.equal((await (await ask(ADDRESS)).arrayBuffer()).byteLength, ENGINE.length);
    await rm(dir, { recursive: true });
    assert.equal((await (await ask(ADDRESS)).arrayBuffer()).byteLength, ENGINE.length);
  } finally {
    await cp(kept, dir, { recursive: true });
    await rm(kept, { recursive: true });
  }
});
