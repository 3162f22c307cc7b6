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
    if (manifest.engine.file && manifest.engine.script.file && Array.isArray(manifest.models)) return manifest;
  } catch {} // no JSON, or JSON of something else
  throw new Error("The site is damaged: its manifest.json lists no engine and models, so build it again.");
}

/**
 * A response whose body reports each chunk's size as it is read, and a promise that it came whole. Await both:
 * browsers hide the reason when a body breaks off, and `whole` has it in words.
 * @param {SiteFile} file
 * @param {string} what for people, such as "the engine"
 * @param {(bytes: number) => void} onChunk
 * @returns {Promise<{ response: Response, whole: Promise<void> }>}
 */
export async function download(file, what, onChunk) {
  const response = await request(address(file), what);
  if (!response.body) throw new Error(`The site is damaged, so build it again: the server answered nothing for ${what}.`);
  const { body, whole } = counted(response.body.getReader(), file.bytes, what, onChunk);
  return { response: new Response(body, { headers: { "content-type": response.headers.get("content-type") ?? "" } }), whole };
}

/**
 * @param {ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>} reader
 * @param {number} bytes how many are expected
 * @param {string} what
 * @param {(bytes: number) => void} onChunk
 */
function counted(reader, bytes, what, onChunk) {
  let received = 0;
  /** @type {ReadableStream<Uint8Array<ArrayBuffer>>} */
  let body = new ReadableStream();
  /** @type {Promise<void>} */
  const whole = new Promise((resolve, reject) => {
    body = new ReadableStream({
      async pull(controller) {
        const step = await reader.read().catch(() => null);
        if (step && !step.done) {
          received += step.value.byteLength;
          onChunk(step.value.byteLength);
          controller.enqueue(step.value);
        } else if (step && received === bytes) {
          resolve();
          controller.close();
        } else {
          const error = new Error(step ? `${capital(what)} is damaged: ${received} bytes came where ${bytes} were expected.` : BROKE_OFF);
          reject(error);
          controller.error(error);
        }
      },
    });
  });
  whole.catch(() => {}); // a caller that failed earlier awaits it no more
  return { body, whole };
}
