import assert from "node:assert/strict";
import test, { afterEach } from "node:test";
import { fetchManifest, intact, request } from "../../../www/shared/download.js";

const MANIFEST = { models: [], series: [] };

const ownFetch = globalThis.fetch;
afterEach(() => void (globalThis.fetch = ownFetch));

/** @param {(url: string) => Promise<unknown>} answer */
function network(answer) {
  globalThis.fetch = /** @type {any} */ (answer);
}

test("a network that is silent is told from a site that lacks a file", async () => {
  const gallery = () => request("gallery.json", "the gallery");
  network(() => Promise.reject(new TypeError("Failed to fetch")));
  await assert.rejects(gallery, { message: "The gallery could not be downloaded: check the connection and try again." });
  await assert.rejects(fetchManifest, /^Error: The site's manifest\.json could not be downloaded: check the connection/);
  network(async () => new Response("gone", { status: 404 }));
  for (const ask of [gallery, fetchManifest]) await assert.rejects(ask, /^Error: The site was renewed meanwhile, so reload the page, or it is incomplete: the server answered 404/);
});

test("a download that breaks off says so", async () => {
  const broken = new ReadableStream({ pull: (controller) => controller.error(new TypeError("network error")) });
  network(async () => new Response(broken));
  await assert.rejects(fetchManifest, /The download broke off/);
  await assert.rejects(intact(Promise.reject(new TypeError("Failed to fetch"))), /The download broke off/);
});

test("a manifest that is none is damaged, a whole one is read", async () => {
  for (const text of ["<!doctype html>", "null", "{}", "", '{ "models": [] }']) {
    network(async () => new Response(text));
    await assert.rejects(fetchManifest, /^Error: The site is damaged/, text);
  }
  network(async () => new Response(JSON.stringify(MANIFEST)));
  assert.deepEqual(await fetchManifest(), MANIFEST);
});
