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
 * @param {File} file
 * @returns {Promise<ArrayBuffer>} fails with a whole sentence
 */
export function bytesOf(file) {
  return file.arrayBuffer().catch(() => {
    throw new Error(`${named(file.name)} could not be read: it was changed or removed after it was chosen, or it is a folder. Choose it again, or the images in the folder.`);
  });
}

/** The image without colour conversion, because the engine does not convert colours either. @param {Blob} file */
export async function bitmapOf(file) {
  return createImageBitmap(file, { colorSpaceConversion: "none" });
}

/**
 * A part of an image, in its full size, as a PNG file. Only the engine resizes, so that an image gets the same score in whatever form it is given.
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

/** @param {import("./types.js").Sample} sample @returns {Wanted} */
export function fromSample(sample) {
  const name = shorten(sample.title);
  const read = async () => intact((await request(`gallery/${sample.file}`, `the image “${name}”`)).arrayBuffer());
  return { name, sample, read };
}

/** @param {string} name */
function named(name) {
  return name ? shorten(name) : "The pasted image";
}
