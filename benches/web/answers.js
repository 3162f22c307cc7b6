/** Shared code of the peers' workers. */

/**
 * Answers requests like the package's worker: each request once, with its id and a value or an error.
 * @param {Record<string, (request: any) => Promise<unknown>>} by by the request's type
 */
export function answer(by) {
  self.addEventListener("message", async ({ data }) => {
    try {
      self.postMessage({ id: data.id, value: await by[data.type](data) });
    } catch (error) {
      self.postMessage({ id: data.id, error: { message: String(error?.stack ?? error) } });
    }
  });
}

/** RGBA to [3, H, W] in [-1, 1], and the side of a square image. @param {Uint8ClampedArray} pixels */
export function planes(pixels) {
  const plane = pixels.length / 4;
  const values = new Float32Array(3 * plane);
  for (let at = 0; at < plane; at++) for (let channel = 0; channel < 3; channel++) values[channel * plane + at] = pixels[4 * at + channel] / 127.5 - 1;
  return { values, side: Math.sqrt(plane) };
}
