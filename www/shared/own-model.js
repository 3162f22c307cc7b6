/** A model that does not come from the site: trained in this tab, or a file of the visitor's. */

import { shorten } from "./format.js";

/** The number of models made so far, because each model needs its own file name. */
let count = 0;

/**
 * @param {string} name for people
 * @param {Uint8Array<ArrayBuffer>} weights the content of the model's file
 * @returns {Promise<import("./types.js").ModelFile>}
 */
export async function ownModel(name, weights) {
  return { file: `own-${++count}.safetensors`, name, bytes: weights.byteLength, hash: await hashOf(weights), weights };
}

/** Whether a file is a model rather than an image. @param {File} file */
export function isModel({ name }) {
  return name.toLowerCase().endsWith(".safetensors");
}

/** @param {File} file */
export async function modelOf(file) {
  return ownModel(shorten(file.name.replace(/\.safetensors$/i, "")) || "A model", new Uint8Array(await file.arrayBuffer()));
}

/** The hash of a model file, computed as in `scripts/site.mjs`; "" on a page that is not secure, where browsers offer no hash function. @param {Uint8Array<ArrayBuffer>} bytes */
async function hashOf(bytes) {
  if (!globalThis.crypto?.subtle) return "";
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
