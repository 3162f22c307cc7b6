/** Files of the site, read with progress. Counts what arrives after decompression: `content-length` is of the compressed file. */

import { capital } from "./format.js";

/** @typedef {import("./protocol.js").SiteFile} SiteFile */

const BROKE_OFF = "The download broke off: check the connection and try again.";

/**
 * The address of a file, changed by its content: so a browser may keep it for ever.
 * @param {SiteFile} file
 */
export function address({ file, hash }) {
  return new URL(`./${file}?v=${hash}`, import.meta.url).href;
}

/**
 * A response that is there and ok. What went wrong otherwise: the connection, or the site?
 * @param {string} url
 * @param {string} what for people, such as "the engine"
 */
export async function request(url, what) {
  const response = await fetch(url).catch(() => null);
  if (!response) throw new Error(`${capital(what)} could not be downloaded: check the connection and try again.`);
  if (!response.ok) throw new Error(`The site is incomplete, so build it again: the server answered ${response.status} for ${what}.`);
  return response;
}

/**
 * The body of a response, whole: browsers have no words of their own for one that breaks off.
 * @template T
 * @param {Promise<T>} reading such as `response.arrayBuffer()`
 * @returns {Promise<T>}
 */
export function intact(reading) {
  return reading.catch(() => {
    throw new Error(BROKE_OFF);
  });
}

/** @returns {Promise<import("./protocol.js").Manifest>} */
export async function fetchManifest() {
  const text = await intact((await request("manifest.json", "the site's manifest.json")).text());
  try {
    /** @type {import("./protocol.js").Manifest} */
    const manifest = JSON.parse(text);
    if (manifest.engines.cpu.file && manifest.engines.cpu.script.file && Array.isArray(manifest.models)) return manifest;
  } catch {} // no JSON, or JSON of something else
  throw new Error("The site is damaged: its manifest.json lists no engines and models, so build it again.");
}

/**
 * A file as `read` makes it of the response. What it reads is the browser's own response, for only with that does a browser keep compiled code.
 * @template T
 * @param {SiteFile} file
 * @param {string} what for people, such as "the engine"
 * @param {(response: Response) => Promise<T>} read
 * @param {(bytes: number) => void} onChunk is told each chunk's size
 * @returns {Promise<T>}
 */
export async function download(file, what, read, onChunk) {
  const response = await request(address(file), what);
  const { body } = response.clone();
  if (!body) throw new Error(`The site is damaged, so build it again: the server answered nothing for ${what}.`);
  const whole = count(body.getReader(), file.bytes, what, onChunk);
  whole.catch(() => {}); // it is awaited below
  const result = await read(response).catch(async (error) => {
    await whole; // browsers hide the reason when a body breaks off; this has it in words
    throw error;
  });
  await whole;
  return result;
}

/**
 * @param {ReadableStreamDefaultReader<Uint8Array>} reader
 * @param {number} bytes how many are expected
 * @param {string} what
 * @param {(bytes: number) => void} onChunk
 */
async function count(reader, bytes, what, onChunk) {
  let received = 0;
  for (;;) {
    const { value } = await intact(reader.read());
    if (!value) break;
    received += value.byteLength;
    onChunk(value.byteLength);
  }
  if (received !== bytes) throw new Error(`${capital(what)} is damaged: ${received} bytes came where ${bytes} were expected.`);
}
