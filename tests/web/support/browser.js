/** Serves the site and starts a browser before the tests of a file, and ends both after the tests. */

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { launch, open } from "./page.js";
import { serve } from "./server.js";

/** A folder made by scripts/site.mjs. */
export const SITE = process.env["DAAD_SITE"] ?? "";
assert.ok(SITE, "DAAD_SITE must name a folder made by scripts/site.mjs");

/** @param {string[]} [flags] of the browser */
export function browse(flags = []) {
  /** @type {Awaited<ReturnType<typeof serve>>} */
  let site;
  /** @type {import("playwright-core").Browser} */
  let browser;
  before(async () => {
    site = await serve(SITE);
    browser = await launch(flags);
  });
  after(async () => {
    await browser?.close();
    await site?.stop();
  });
  return {
    get url() {
      return site.url;
    },
    /**
     * @param {string} [query] with its question mark, such as "?backend=wasm"
     * @param {Parameters<typeof open>[2]} [options]
     */
    open: (query = "", options = {}) => open(browser, `${site.url}${query}`, options),
    /**
     * Opens a page from another host.
     * @param {string} url
     * @param {Parameters<typeof open>[2]} [options]
     */
    openAt: (url, options = {}) => open(browser, url, options),
  };
}
