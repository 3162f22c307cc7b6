import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { brotliCompressSync } from "node:zlib";
import { serve } from "../support/server.js";

const ENGINE = Buffer.alloc(8e6, "engine ");
const HASH = createHash("sha256").update(ENGINE).digest("hex").slice(0, 16);

/** @type {string} */
let dir;
/** @type {Awaited<ReturnType<typeof serve>>} */
let site;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), "daad-serve-"));
  await mkdir(join(dir, "pkg/cpu"), { recursive: true });
  await writeFile(join(dir, "index.html"), "<!doctype html><title>é</title>");
  await writeFile(join(dir, "index.html.br"), brotliCompressSync("<!doctype html><title>é</title>"));
  await writeFile(join(dir, "pkg/cpu/daad_bg.wasm"), ENGINE);
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
    const response = await ask("/pkg/cpu/daad_bg.wasm", { headers: { range } });
    assert.equal(response.status, 200, range);
    assert.equal((await response.arrayBuffer()).byteLength, ENGINE.length, range);
  }
});

test("types, compression and addresses are right", async () => {
  const page = await ask("/", { headers: { "accept-encoding": "gzip, br" } });
  assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
  assert.equal(page.headers.get("content-encoding"), "br");
  assert.match(await page.text(), /é/);
  assert.equal((await ask("/", { headers: { "accept-encoding": "br;q=0" } })).headers.get("content-encoding"), null);
  assert.equal((await ask("/pkg/cpu/daad_bg.wasm")).headers.get("content-type"), "application/wasm");
  for (const path of ["/index.html.br", "/nothing", "/pkg", "/%2e%2e/%2e%2e/etc/passwd", "/%ff", "//"]) assert.equal((await ask(site.url + path.slice(1))).status, 404, path);
  const refused = await ask("/", { method: "POST", body: "x" });
  assert.deepEqual([refused.status, refused.headers.get("allow")], [405, "GET, HEAD"]);
  const head = await ask("/pkg/cpu/daad_bg.wasm", { method: "HEAD" });
  assert.deepEqual([head.headers.get("content-length"), await head.text()], [String(ENGINE.length), ""]);
});

test("only the address with its own hash is kept for ever, the rest is asked for again", async () => {
  const cache = async (/** @type {string} */ path) => (await ask(path, { method: "HEAD" })).headers.get("cache-control");
  assert.match((await cache(`/pkg/cpu/daad_bg.wasm?v=${HASH}`)) ?? "", /immutable/);
  for (const path of ["/pkg/cpu/daad_bg.wasm", "/pkg/cpu/daad_bg.wasm?v=0", `/?v=${HASH}`]) assert.equal(await cache(path), "no-cache", path);
  const etag = (await ask("/")).headers.get("etag") ?? "";
  assert.equal((await ask("/", { headers: { "if-none-match": `"x", W/${etag}` } })).status, 304);
  assert.equal((await ask("/", { headers: { "if-none-match": '"x"' } })).status, 200);
});

test("downloads that break off leave nothing behind", async () => {
  for (let i = 0; i < 100; i++) {
    await new Promise((resolve, reject) => {
      const request = get(new URL("/pkg/cpu/daad_bg.wasm", site.url), (response) => {
        response.on("error", () => {}).once("data", () => {
          request.destroy();
          resolve(null);
        });
      });
      request.on("error", reject);
    });
  }
  assert.equal((await ask("/")).status, 200);
  const descriptors = `/proc/${site.pid}/fd`; // where the system has it
  if (existsSync(descriptors)) assert.ok((await readdir(descriptors)).length < 60, "descriptors are given back");
});

test("a folder that changes or goes while it is served does no harm", async () => {
  const kept = `${dir}-kept`;
  await cp(dir, kept, { recursive: true });
  try {
    await writeFile(join(dir, "pkg/cpu/daad_bg.wasm"), "shorter");
    assert.equal((await (await ask("/pkg/cpu/daad_bg.wasm")).arrayBuffer()).byteLength, ENGINE.length);
    await rm(dir, { recursive: true });
    assert.equal((await (await ask("/pkg/cpu/daad_bg.wasm")).arrayBuffer()).byteLength, ENGINE.length);
  } finally {
    await cp(kept, dir, { recursive: true });
    await rm(kept, { recursive: true });
  }
});
