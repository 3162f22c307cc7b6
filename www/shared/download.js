/** Asks the site for files. The package downloads engines and models by itself. */

import { capital } from "./format.js";

/** The address of the site. Scripts are in a folder of the site that is named after this version of the page. */
export const SITE = new URL("../", import.meta.url);

/**
 * The address of a file. Its name has the hash of its content, so a browser may keep it for ever.
 * @param {import("./types.js").SiteFile} file
 */
export function address({ file }) {
  return new URL(file, SITE).href;
}

/**
 * Fetches a response that is ok. Otherwise it fails with an error that says whether the connection or the site is the cause.
 * @param {string} url
 * @param {string} what for people, such as "the gallery"
 */
export async function request(url, what) {
  const response = await fetch(url).catch(() => null);
  if (!response) throw new Error(`${capital(what)} could not be downloaded: check the connection and try again.`);
  if (!response.ok) throw new Error(`The site was renewed meanwhile, so reload the page, or it is incomplete: the server answered ${response.status} for ${what}.`);
  return response;
}

/**
 * Waits for the complete body of a response. If the body breaks off, browsers give no readable message, so this gives one.
 * @template T
 * @param {Promise<T>} reading such as `response.arrayBuffer()`
 * @returns {Promise<T>}
 */
export function intact(reading) {
  return reading.catch(() => {
    throw new Error("The download broke off: check the connection and try again.");
  });
}

/** The manifest of this version of the page, even if the host has a newer version. @returns {Promise<import("./types.js").Manifest>} */
export async function fetchManifest() {
  const text = await intact((await request(new URL("./manifest.json", import.meta.url).href, "the site's manifest.json")).text());
  try {
    /** @type {import("./types.js").Manifest} */
    const manifest = JSON.parse(text);
    if (Array.isArray(manifest.models) && Array.isArray(manifest.series)) return manifest;
  } catch {} // the response is not JSON, or not a manifest
  throw new Error("The site is damaged: its manifest.json lists no models, so build it again.");
}
