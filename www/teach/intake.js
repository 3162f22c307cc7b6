/** Where the images of a training run come from: files, pieces of one picture, frames of a camera. */

import { megabytes, sentence, shorten } from "../shared/format.js";
import { bitmapOf, bytesOf, toPng, tooLarge } from "../shared/images.js";
import { crops } from "./crops.js";

/** @typedef {import("./state.js").Photo} Photo */

/** The maximum size of all images together. They are kept as files, so that the engine decodes them exactly as it decodes an image to judge. */
const LIMIT_BYTES = 256e6;

const THUMB_PX = 64;

/** The time between two frames that are taken from the camera. */
export const FRAME_MS = 300;

let ids = 0;

/**
 * @param {readonly File[]} files
 *@param {number} held_bytes the size of the images that are already there
 * @returns {Promise<{ photos: Photo[], notice: string }>}
 */
export async function fromFiles(files, held_bytes) {
  /** @type {Photo[]} */
  const photos = [];
  /** @type {string[]} */
  const refused = [];
  let bytes = held_bytes;
  for (const file of files) {
    if (tooLarge(file)) {
      refused.push(tooLarge(file));
      continue;
    }
    if (bytes + file.size > LIMIT_BYTES) return { photos, notice: full(photos.length) };
    try {
      photos.push(await photo(shorten(file.name), await bytesOf(file)));
      bytes += file.size;
    } catch (error) {
      refused.push(error instanceof Error ? error.message : sentence(error));
    }
  }
  const others = refused.length > 1 ? ` ${refused.length - 1} more ${refused.length > 2 ? "were" : "was"} left out too.` : "";
  return { photos, notice: refused.length > 0 ? `${refused[0]}${others}` : "" };
}

/** @param {number} taken how many were taken */
function full(taken) {
  return `All images together may have ${megabytes(LIMIT_BYTES)}: only the first ${taken} of these fit.`;
}

/**
 * @param {File} file
 * @param {number} part the side of a piece, as a share of the picture's shorter side
 * @param {number} count
 *@param {number} held_bytes the size of the images that are already there
 * @returns {Promise<{ photos: Photo[], notice: string }>} fails with a whole sentence
 */
export async function fromPieces(file, part, count, held_bytes) {
  if (tooLarge(file)) throw new Error(tooLarge(file));
  const content = await bytesOf(file);
  const bitmap = await bitmapOf(new Blob([content])).catch(() => {
    throw new Error(unreadable(shorten(file.name)));
  });
  try {
    return await piecesOf(bitmap, shorten(file.name, 24), part, count, held_bytes);
  } finally {
    bitmap.close(); // it may have a hundred megapixels
  }
}

/**
 * @param {ImageBitmap} bitmap
 * @param {string} name
 * @param {number} part
 * @param {number} count
 * @param {number} held_bytes
 * @returns {Promise<{ photos: Photo[], notice: string }>}
 */
async function piecesOf(bitmap, name, part, count, held_bytes) {
  const { width, height } = bitmap;
  const side = Math.floor(Math.min(width, height) * part);
  /** @type {Photo[]} */
  const photos = [];
  let bytes = held_bytes;
  for (const [at, { x, y }] of crops(width, height, side, count).entries()) {
    const piece = await toPng(bitmap, { x, y, width: side, height: side });
    bytes += piece.byteLength;
    if (bytes > LIMIT_BYTES) return { photos, notice: full(photos.length) };
    photos.push(await photo(`Piece ${at + 1} of ${name}`, piece));
  }
  return { photos, notice: "" };
}

/**
 * The frame that a video shows now, in full size, like a frame to judge.
 * @param {HTMLVideoElement} video
 * @param {number} number
 */
export async function fromFrame(video, number) {
  return photo(`Frame ${number}`, await toPng(video, { x: 0, y: 0, width: video.videoWidth, height: video.videoHeight }));
}

/**
 * @param {string} name
 * @param {ArrayBuffer} bytes
 * @returns {Promise<Photo>} fails with a whole sentence
 */
async function photo(name, bytes) {
  const thumb = await thumbOf(new Blob([bytes])).catch(() => {
    throw new Error(unreadable(name));
  });
  return { id: ++ids, name, picture: new Uint8Array(bytes), thumb };
}

/** A small copy, whose longer side has THUMB_PX pixels. @param {Blob} image */
async function thumbOf(image) {
  const whole = await bitmapOf(image);
  const longer = Math.max(whole.width, whole.height);
  const [resizeWidth, resizeHeight] = [whole.width, whole.height].map((side) => Math.ceil((THUMB_PX * side) / longer));
  try {
    return await createImageBitmap(whole, { resizeWidth, resizeHeight, resizeQuality: "medium" });
  } finally {
    whole.close();
  }
}

/** @param {string} name */
function unreadable(name) {
  return `${name} could not be read as an image, and was left out.`;
}
