/** The sources of images: the visitor's files and the gallery. Names are kept short enough for one line. */

import { intact, request } from "./download.js";
import { megabytes, shorten } from "./format.js";

/** @typedef {import("./session.js").Wanted} Wanted */

const LIMIT_BYTES = 64e6;

/** @param {File} file @returns {string} why the file is too large to be read; "" if it is not too large */
export function tooLarge({ name, size }) {
  return size > LIMIT_BYTES ? `${named(name)} has ${megabytes(size)}; images up to ${megabytes(LIMIT_BYTES)} are accepted.` : "";
}

/** @param {File} file @returns {Wanted} */
export function fromFile(file) {
  return { name: named(file.name), sample: null, read: () => bytesOf(file) };
}

/**
 * The bytes of an image file, for the engine. An image that the engine does not read and the browser does, such as AVIF, is written anew as PNG.
 * A file that neither reads is returned as it is: the engine says what it is.
 * @param {File} file
 * @returns {Promise<ArrayBuffer>} fails with a whole sentence
 */
export async function bytesOf(file) {
  const bytes = await file.arrayBuffer().catch(() => {
    throw new Error(`${named(file.name)} could not be read: it was changed or removed after it was chosen, or it is a folder. Choose it again, or the images in the folder.`);
  });
  if (isRead(new Uint8Array(bytes, 0, Math.min(12, bytes.byteLength)))) return bytes;
  const bitmap = await bitmapOf(file).catch(() => null);
  return bitmap ? toPng(bitmap, { x: 0, y: 0, width: bitmap.width, height: bitmap.height }) : bytes;
}

/** The image with its pixel values as they are stored: the engine does not convert colours either. @param {Blob} file */
export async function bitmapOf(file) {
  return createImageBitmap(file, { colorSpaceConversion: "none" });
}

/**
 * A part of an image, in its full size, as a PNG file. Only the engine resizes, so that an image scores the same by whatever way it comes.
 * @param {CanvasImageSource} source
 * @param {{ x: number, y: number, width: number, height: number }} part
 */
export async function toPng(source, { x, y, width, height }) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("This browser has no canvas to take images with.");
  context.drawImage(source, x, y, width, height, 0, 0, width, height);
  return (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer();
}

/** Whether these first bytes are those of a PNG, JPEG, WebP or BMP file. @param {Uint8Array} start */
function isRead(start) {
  const text = String.fromCharCode(...start);
  return text.startsWith("\x89PNG") || text.startsWith("\xff\xd8\xff") || text.startsWith("BM") || /^RIFF.{4}WEBP/s.test(text);
}

/** @param {import("./protocol.js").Sample} sample @returns {Wanted} */
export function fromSample(sample) {
  const name = shorten(sample.title);
  const read = async () => intact((await request(`gallery/${sample.file}`, `the image “${name}”`)).arrayBuffer());
  return { name, sample, read };
}

/** @param {string} name */
function named(name) {
  return name ? shorten(name) : "The pasted image";
}
