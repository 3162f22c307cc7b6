/** Downloads files of the site with progress. It counts decompressed bytes; `content-length`, the size of the compressed file, is not used. */

import { capital } from "./format.js";

/** @typedef {import("./protocol.js").SiteFile} SiteFile */

const BROKE_OFF = "The download broke off: check the connection and try again.";

/** The address of the site. Scripts are in a folder of the site that is named after this version of the page. */
export const SITE = new URL("../", import.meta.url);

/**
 * The address of a file. Its name has the hash of its content, so a browser may keep it for ever.
 * @param {SiteFile} file
 */
export function address({ file }) {
  return new URL(file, SITE).href;
}

/**
 * Fetches a response that is ok. Otherwise it fails with an error that says whether the connection or the site is the cause.
 * @param {string} url
 * @param {string} what for people, such as "the engine"
 * @param {AbortSignal} [signal]
 */
export async function request(url, what, signal) {
  const response = await fetch(url, signal ? { signal } : {}).catch(() => null);
  signal?.throwIfAborted(); // with the reason of whoever aborted
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
    throw new Error(BROKE_OFF);
  });
}

/** The manifest of this version of the page, even if the host has a newer version. @returns {Promise<import("./protocol.js").Manifest>} */
export async function fetchManifest() {
  const text = await intact((await request(new URL("./manifest.json", import.meta.url).href, "the site's manifest.json")).text());
  try {
    /** @type {import("./protocol.js").Manifest} */
    const manifest = JSON.parse(text);
    if (manifest.engines.cpu.file && manifest.engines.cpu.script.file && Array.isArray(manifest.models)) return manifest;
  } catch {} // no JSON, or JSON of something else
  throw new Error("The site is damaged: its manifest.json lists no engines and models, so build it again.");
}

/**
 * @param {SiteFile} file
 * @param {string} what for people, such as "the model"
 * @param {(bytes: number) => void} onChunk is told each chunk's size
 * @param {AbortSignal} [signal]
 */
export async function download(file, what, onChunk, signal) {
  const bytes = new Uint8Array(file.bytes);
  const { body } = await request(address(file), what, signal);
  await chunks(body, file, what, signal, (chunk, at) => {
    bytes.set(chunk, at);
    onChunk(chunk.byteLength);
  });
  return bytes;
}

/**
 * Downloads a file and converts it with `read`. `read` gets the browser's own response, because only for that does a browser cache compiled code.
 * @template T
 * @param {SiteFile} file
 * @param {string} what for people, such as "the engine"
 * @param {(response: Response) => Promise<T>} read
 * @param {(bytes: number) => void} onChunk is told each chunk's size
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>}
 */
export async function downloadAs(file, what, read, onChunk, signal) {
  const response = await request(address(file), what, signal);
  const whole = chunks(response.clone().body, file, what, signal, ({ byteLength }) => onChunk(byteLength));
  whole.catch(() => {}); // it is awaited below
  const result = await read(response).catch(async (error) => {
    await whole; // browsers hide the reason when a body breaks off; this has it in words
    throw error;
  });
  await whole;
  return result;
}

/**
 * @param {ReadableStream<Uint8Array> | null} body
 * @param {SiteFile} file how many bytes are expected
 * @param {string} what
 * @param {AbortSignal | undefined} signal
 * @param {(chunk: Uint8Array, at: number) => void} onChunk
 */
async function chunks(body, { bytes }, what, signal, onChunk) {
  if (!body) throw new Error(`The site is damaged, so build it again: the server answered nothing for ${what}.`);
  const reader = body.getReader();
  let received = 0;
  for (;;) {
    const { value } = await intact(reader.read()).catch((error) => {
      signal?.throwIfAborted();
      throw error;
    });
    if (!value) break;
    if (received + value.byteLength <= bytes) onChunk(value, received);
    received += value.byteLength;
  }
  if (received !== bytes) throw new Error(`${capital(what)} is damaged: ${received} bytes came where ${bytes} were expected.`);
}
