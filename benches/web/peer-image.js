/** An image as the peer's network takes it. */

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
  const plane = width * height;
  const values = new Float32Array(3 * plane);
  for (let at = 0; at < plane; at++) for (let channel = 0; channel < 3; channel++) values[channel * plane + at] = data[4 * at + channel] / 127.5 - 1;
  return { values, rgba: data, width, height };
}
