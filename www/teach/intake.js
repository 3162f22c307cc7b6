/** Where the images of a training run come from: files, pieces of one picture, frames of a camera. */

import { megabytes, shorten } from "../format.js";
import { crops } from "./crops.js";

/** @typedef {import("./state.js").Photo} Photo */

/** What the engine reads, whatever the browser could. */
const TYPES = ["image/png", "image/jpeg", "image/webp", "image/bmp"];

/** All files together: they are kept as they are, so that they are read just as an image to judge is. */
const LIMIT_BYTES = 256e6;

const THUMB_PX = 64;

/** Pieces and frames are kept no larger than this: the network sees less. */
const KEPT_PX = 128;

/** A camera is asked for a frame this often. */
export const FRAME_MS = 300;

let ids = 0;

/**
 * @param {readonly File[]} files
 * @param {number} held_bytes what there is already
 * @returns {Promise<{ photos: Photo[], notice: string }>}
 */
export async function fromFiles(files, held_bytes) {
  /** @type {Photo[]} */
  const photos = [];
  /** @type {string[]} */
  const refused = [];
  let bytes = held_bytes;
  for (const file of files) {
    if (bytes + file.size > LIMIT_BYTES) return { photos, notice: `All images together may have ${megabytes(LIMIT_BYTES)}: only the first ${photos.length} of these fit.` };
    try {
      if (!TYPES.includes(file.type)) throw new Error("of another kind");
      const thumb = await thumbOf(file);
      photos.push({ id: ++ids, name: shorten(file.name), picture: new Uint8Array(await file.arrayBuffer()), thumb });
      bytes += file.size;
    } catch {
      refused.push(shorten(file.name));
    }
  }
  const others = refused.length > 1 ? ` and ${refused.length - 1} more` : "";
  return { photos, notice: refused.length > 0 ? `${refused[0]}${others} could not be read as PNG, JPEG, WebP or BMP, and was left out.` : "" };
}

/**
 * @param {File} file
 * @param {number} part the pieces' side, as a part of the picture's shorter one
 * @param {number} count
 * @returns {Promise<Photo[]>}
 */
export async function fromPieces(file, part, count) {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error(`${shorten(file.name)} could not be read as an image.`);
  });
  const { width, height } = bitmap;
  const side = Math.floor(Math.min(width, height) * part);
  const places = crops(width, height, side, count);
  return Promise.all(places.map(({ x, y }, at) => taken(bitmap, { x, y, width: side, height: side }, `Piece ${at + 1} of ${shorten(file.name, 24)}`)));
}

/**
 * The frame that a video shows now, whole: as a frame to judge is.
 * @param {HTMLVideoElement} video
 * @param {number} number
 */
export function fromFrame(video, number) {
  return taken(video, { x: 0, y: 0, width: video.videoWidth, height: video.videoHeight }, `Frame ${number}`);
}

/**
 * @param {CanvasImageSource} source
 * @param {{ x: number, y: number, width: number, height: number }} part
 * @param {string} name
 * @returns {Promise<Photo>}
 */
async function taken(source, { x, y, width, height }, name) {
  const scale = Math.min(1, KEPT_PX / Math.max(width, height));
  const [width_px, height_px] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  const context = new OffscreenCanvas(width_px, height_px).getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("This browser has no canvas to take images with.");
  context.imageSmoothingQuality = "high";
  context.drawImage(source, x, y, width, height, 0, 0, width_px, height_px);
  const picture = context.getImageData(0, 0, width_px, height_px);
  return { id: ++ids, name, picture, thumb: await thumbOf(picture) };
}

/** @param {Blob | ImageData} image */
function thumbOf(image) {
  return createImageBitmap(image, { resizeWidth: THUMB_PX, resizeHeight: THUMB_PX, resizeQuality: "medium" });
}
