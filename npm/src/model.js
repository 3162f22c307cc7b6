/** Reads a model file from any kind of source. */

import { open } from "#platform";
import { DaadError } from "./errors.js";
import { checked, chunks } from "./download.js";

/** The maximum length of a model file's header. */
const MOST_HEADER_BYTES = 1e6;

/**
 * The bytes of a model file.
 * @param {import("./types.js").ModelSource | Promise<import("./types.js").ModelSource>} source
 * @param {AbortSignal} signal
 * @param {(loaded: number, total: number | null) => void} onProgress called with the number of bytes so far, and the total once it is known
 * @returns {Promise<Uint8Array>}
 */
export async function readModel(source, signal, onProgress) {
  const bytes = await wholeOf(await source, signal, onProgress);
  const expected = sizeOf(bytes) ?? headerEnd(bytes);
  if (expected !== null && expected > bytes.length) throw new DaadError("download", `The model is cut off: ${bytes.length} bytes are there where ${expected} were expected.`);
  onProgress(bytes.length, bytes.length);
  return bytes;
}

/**
 * @param {import("./types.js").ModelSource} source
 * @param {AbortSignal} signal
 * @param {(loaded: number, total: number | null) => void} onProgress
 * @returns {Promise<Uint8Array>}
 */
async function wholeOf(source, signal, onProgress) {
  if (source instanceof Uint8Array) return source.slice(); // a copy, because the caller may change the array
  if (source instanceof ArrayBuffer) return new Uint8Array(source.slice(0));
  if (source instanceof Blob) return new Uint8Array(await bytesOf(source));
  if (typeof source === "string" || source instanceof URL) return streamed(await open(source, signal), signal, onProgress);
  if (source instanceof Response) return streamed(checked(source, "the model"), signal, onProgress);
  throw new DaadError("argument", "A model is the bytes of a model file, an address or a response.");
}

/** @param {Blob} blob */
function bytesOf(blob) {
  return blob.arrayBuffer().catch(() => {
    throw new DaadError("download", "The model file could not be read: it was changed or removed after it was chosen.");
  });
}

/**
 * @param {Response} response
 * @param {AbortSignal} signal
 * @param {(loaded: number, total: number | null) => void} onProgress
 */
async function streamed({ body }, signal, onProgress) {
  /** @type {Uint8Array[]} */
  const parts = [];
  let loaded = 0;
  /** @type {number | null} */
  let total = null;
  await chunks(body, null, "the model", signal, (part) => {
    parts.push(part);
    loaded += part.byteLength;
    if (loaded - part.byteLength < MOST_HEADER_BYTES + 8) total ??= sizeOf(joined(parts)); // later parts tell nothing new, and joining them takes long
    onProgress(loaded, total);
  });
  return joined(parts);
}

/**
 * The size of a safetensors file according to its header: eight bytes with the header's length, then JSON with the end of each tensor.
 * @param {Uint8Array} start its first bytes
 * @returns {number | null} null if the header is not complete yet, or if it is no such file; then the engine reports the error
 */
function sizeOf(start) {
  const end = headerEnd(start);
  if (end === null || start.length < end) return null;
  try {
    /** @type {Record<string, { data_offsets?: [number, number] }>} */
    const tensors = JSON.parse(new TextDecoder().decode(start.subarray(8, end)));
    return end + Math.max(0, ...Object.values(tensors).map(({ data_offsets }) => data_offsets?.[1] ?? 0));
  } catch {
    return null;
  }
}

/** The end of the header of a safetensors file; null if it is no such file. @param {Uint8Array} start */
function headerEnd(start) {
  if (start.length < 8) return null;
  const header = Number(new DataView(start.buffer, start.byteOffset, start.byteLength).getBigUint64(0, true));
  return header > MOST_HEADER_BYTES ? null : 8 + header;
}

/** @param {readonly Uint8Array[]} parts */
function joined(parts) {
  if (parts.length === 1 && parts[0]) return parts[0];
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
