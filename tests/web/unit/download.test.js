import assert from "node:assert/strict";
import test, { afterEach } from "node:test";
import { download, downloadAs, fetchManifest, intact } from "../../../www/download.js";

const FILE = { file: "pkg/cpu/daad_bg.wasm", bytes: 6, hash: "0" };
const MANIFEST = { engines: { cpu: { ...FILE, script: FILE } }, models: [] };

const ownFetch = globalThis.fetch;
afterEach(() => void (globalThis.fetch = ownFetch));

/** @param {(url: string, options: { signal: AbortSignal }) => Promise<unknown>} answer */
function network(answer) {
  globalThis.fetch = /** @type {any} */ (answer);
}

/** A body that gives three bytes and then ends as told.
 * @param {"close" | "error"} how */
function short(how) {
  let sent = false;
  return new ReadableStream({
    pull(controller) {
      if (sent) return how === "close" ? controller.close() : controller.error(new TypeError("network error"));
      sent = true;
      controller.enqueue(new Uint8Array(3));
    },
  });
}

function engine() {
  return download(FILE, "the engine", () => {});
}

test("a network that is silent is told from a site that lacks a file", async () => {
  network(() => Promise.reject(new TypeError("Failed to fetch")));
  await assert.rejects(engine, { message: "The engine could not be downloaded: check the connection and try again." });
  await assert.rejects(fetchManifest, /^Error: The site's manifest\.json could not be downloaded: check the connection/);
  network(async () => new Response("gone", { status: 404 }));
  for (const ask of [engine, fetchManifest]) await assert.rejects(ask, /^Error: The site was renewed meanwhile, so reload the page, or it is incomplete: the server answered 404/);
});

test("a download that breaks off is told from one that ends too early", async () => {
  network(async () => new Response(short("error")));
  await assert.rejects(engine, { message: "The download broke off: check the connection and try again." });
  await assert.rejects(fetchManifest, /The download broke off/);
  await assert.rejects(intact(Promise.reject(new TypeError("Failed to fetch"))), /The download broke off/);
  network(async () => new Response(short("close")));
  await assert.rejects(engine, { message: "The engine is damaged: 3 bytes came where 6 were expected." });
});

test("a file comes down whole, chunk by chunk", async () => {
  network(async () => new Response("engine"));
  let counted = 0;
  assert.deepEqual(await download(FILE, "the engine", (bytes) => (counted += bytes)), new TextEncoder().encode("engine"));
  assert.equal(counted, FILE.bytes);
  network(async () => new Response("engines"));
  await assert.rejects(engine, { message: "The engine is damaged: 7 bytes came where 6 were expected." });
});

test("a download that is given up says why, whenever that is", async () => {
  const reason = new Error("another one is wanted");
  network(async (_, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))));
  const before = new AbortController();
  const early = download(FILE, "the engine", () => {}, before.signal);
  before.abort(reason);
  await assert.rejects(early, reason);
  network(async (_, { signal }) => new Response(new ReadableStream({ start: (controller) => signal.addEventListener("abort", () => controller.error(signal.reason)) })));
  const during = new AbortController();
  const late = download(FILE, "the engine", () => {}, during.signal);
  setTimeout(() => during.abort(reason));
  await assert.rejects(late, reason);
});

test("a file is read while its chunks are counted", async () => {
  network(async () => new Response("engine"));
  let counted = 0;
  assert.equal(await downloadAs(FILE, "the engine", (response) => response.text(), (bytes) => (counted += bytes)), "engine");
  assert.equal(counted, FILE.bytes);
});

test("a file that is read in vain is said to be damaged only where it is", async () => {
  const fails = () => Promise.reject(new Error("no wasm"));
  network(async () => new Response("engine"));
  await assert.rejects(downloadAs(FILE, "the engine", fails, () => {}), { message: "no wasm" });
  network(async () => new Response("eng"));
  await assert.rejects(downloadAs(FILE, "the engine", fails, () => {}), /The engine is damaged/);
});

test("a manifest that is none is damaged, a whole one is read", async () => {
  for (const text of ["<!doctype html>", "null", "{}", "", '{ "engines": {}, "models": [] }']) {
    network(async () => new Response(text));
    await assert.rejects(fetchManifest, /^Error: The site is damaged/, text);
  }
  network(async () => new Response(JSON.stringify(MANIFEST)));
  assert.deepEqual(await fetchManifest(), MANIFEST);
});
