/** Downloads with progress. It counts bytes after decompression; `content-length`, the size of the compressed file, is not used. */

import { DaadError, capital } from "./errors.js";

/**
 * Fetches a response that is ok.
 * @param {string} url
 * @param {string} what for people, such as "the engine"
 * @param {AbortSignal} signal
 */
export async function request(url, what, signal) {
  const response = await fetch(url, { signal, priority: "high" }).catch(() => null);
  signal.throwIfAborted(); // with the signal's own reason
  if (!response) throw new DaadError("download", `${capital(what)} could not be downloaded: check the connection and try again.`);
  return checked(response, what);
}

/** @param {Response} response @param {string} what */
export function checked(response, what) {
  if (!response.ok) throw new DaadError("download", `${capital(what)} could not be downloaded: the server answered ${response.status}.`);
  return response;
}

/**
 * Reads a body to its end.
 * @param {ReadableStream<Uint8Array> | null} body
 * @param {number | null} expected its bytes, if they are known
 * @param {string} what
 * @param {AbortSignal} signal
 * @param {(chunk: Uint8Array) => void} onChunk
 */
export async function chunks(body, expected, what, signal, onChunk) {
  if (!body) throw new DaadError("download", `${capital(what)} could not be downloaded: the server answered nothing.`);
  const reader = body.getReader();
  let received = 0;
  for (;;) {
    const { value } = await reader.read().catch(() => {
      signal.throwIfAborted();
      throw new DaadError("download", "The download broke off: check the connection and try again.");
    });
    signal.throwIfAborted();
    if (!value) break;
    onChunk(value);
    received += value.byteLength;
  }
  if (expected !== null && received !== expected) throw new DaadError("download", `${capital(what)} is damaged: ${received} bytes came where ${expected} were expected.`);
}
