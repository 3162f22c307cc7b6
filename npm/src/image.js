/** Copies an image into what an engine reads: the bytes of a file, or pixels. A caller may change its own buffers before a request has its turn. Only the engine resizes, so that an image gets the same score in whatever form it is given. */

import { DaadError, sentence } from "./errors.js";

/**
 * @param {import("./types.js").ImageSource} image
 * @returns {Promise<import("./engine.js").EngineImage>}
 */
export async function readImage(image) {
  try {
    return await read(image);
  } catch (error) {
    if (error instanceof DaadError) throw error;
    throw new DaadError("image", `The image could not be read: ${sentence(error)}`); // for instance a buffer that was transferred, or pixels of another site
  }
}

/**
 * @param {import("./types.js").ImageSource} image
 * @returns {Promise<import("./engine.js").EngineImage>}
 */
async function read(image) {
  if (image instanceof Uint8Array) return fromFile(new Uint8Array(image));
  if (image instanceof ArrayBuffer) return fromFile(new Uint8Array(image.slice(0)));
  if (typeof Blob === "function" && image instanceof Blob) return fromFile(new Uint8Array(await bytesOf(image)), image);
  if (isPixels(image)) return { data: new Uint8ClampedArray(image.data), width: image.width, height: image.height };
  if (isDrawable(image)) return drawn(image);
  throw new DaadError("argument", "An image is the bytes of a file, a Blob, pixels (data, width and height), or what a canvas can draw.");
}

/** @param {Blob} blob */
function bytesOf(blob) {
  return blob.arrayBuffer().catch(() => {
    throw new DaadError("image", "The file could not be read: it was changed or removed after it was chosen, or it is a folder.");
  });
}

/**
 * The browser decodes a format that the engine does not read, such as AVIF. A file that the browser does not read either is returned unchanged, and the
 * engine reports the error.
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {Blob} [blob] the same bytes
 */
async function fromFile(bytes, blob) {
  if (isRead(bytes) || typeof createImageBitmap !== "function" || typeof OffscreenCanvas !== "function") return bytes;
  // Without colour conversion, because the engine does not convert colours either.
  const bitmap = await createImageBitmap(blob ?? new Blob([bytes]), { colorSpaceConversion: "none" }).catch(() => null);
  if (!bitmap) return bytes;
  try {
    return drawn(bitmap);
  } finally {
    bitmap.close();
  }
}

/** Whether it is a PNG, JPEG, WebP or BMP file. @param {Uint8Array} bytes */
function isRead(bytes) {
  const start = String.fromCharCode(...bytes.subarray(0, 12));
  return start.startsWith("\x89PNG") || start.startsWith("\xff\xd8\xff") || start.startsWith("BM") || /^RIFF.{4}WEBP/s.test(start);
}

/** @param {any} image @returns {image is import("./types.js").Pixels} */
function isPixels(image) {
  const data = image?.data;
  return (data instanceof Uint8ClampedArray || data instanceof Uint8Array) && Number.isInteger(image.width) && Number.isInteger(image.height);
}

/** @param {unknown} image @returns {image is import("./types.js").Drawable} */
function isDrawable(image) {
  const names = ["ImageBitmap", "VideoFrame", "HTMLCanvasElement", "OffscreenCanvas", "HTMLImageElement", "HTMLVideoElement"];
  return names.some((name) => name in globalThis && image instanceof Reflect.get(globalThis, name));
}

/** @param {import("./types.js").Drawable} source @returns {import("./types.js").Pixels} */
function drawn(source) {
  const size = /** @type {{ [side: string]: number }} */ (/** @type {unknown} */ (source));
  const width = size.naturalWidth ?? size.videoWidth ?? size.displayWidth ?? size.width ?? 0;
  const height = size.naturalHeight ?? size.videoHeight ?? size.displayHeight ?? size.height ?? 0;
  if (!(width > 0 && height > 0)) throw new DaadError("image", "The image has no pixels: it is not loaded yet, or it was closed.");
  const context = typeof OffscreenCanvas === "function" ? new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true }) : null;
  if (!context) throw new DaadError("unsupported", "This host has no canvas to draw images with: hand over the bytes of a file, or pixels.");
  context.drawImage(source, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  return { data, width, height };
}
