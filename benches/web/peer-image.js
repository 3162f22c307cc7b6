/** An image as the peer's network takes it. */

import { planes } from "./answers.js";

/**
 * @param {Blob} file
 * @returns {Promise<{ values: Float32Array, rgba: Uint8ClampedArray, width: number, height: number }>} `values`: [3, H, W] in [-1, 1]
 */
export async function pixels(file) {
  const bitmap = await createImageBitmap(file);
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  return { values: planes(data).values, rgba: data, width, height };
}
