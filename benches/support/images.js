/** Images of any size that are the same on every machine: coloured patches under noise, so that blocks differ. */

const PATCHES = 8;
const NOISE = 48;

/**
 * The pixels of an image as bytes, row by row, in the order red, green, blue.
 * @param {number} side_px
 */
export function pixels(side_px, seed = 1) {
  const random = generator(seed);
  const colours = Array.from({ length: 3 * PATCHES * PATCHES }, () => random() * (255 - NOISE));
  const bytes = Buffer.alloc(3 * side_px * side_px);
  for (let y = 0; y < side_px; y++) {
    for (let x = 0; x < side_px; x++) {
      const patch = Math.floor((y * PATCHES) / side_px) * PATCHES + Math.floor((x * PATCHES) / side_px);
      for (let channel = 0; channel < 3; channel++) bytes[3 * (y * side_px + x) + channel] = (colours[3 * patch + channel] ?? 0) + random() * NOISE;
    }
  }
  return bytes;
}

/**
 * The image as a BMP file, which takes almost no time to decode.
 * @param {number} side_px a multiple of 4, so that rows need no padding
 */
export function bmp(side_px, seed = 1) {
  const header = Buffer.alloc(54);
  header.write("BM");
  header.writeUInt32LE(header.length + 3 * side_px * side_px, 2);
  header.writeUInt32LE(header.length, 10);
  header.writeUInt32LE(40, 14);
  header.writeInt32LE(side_px, 18);
  header.writeInt32LE(-side_px, 22); // top row first
  header.writeUInt16LE(1, 26);
  header.writeUInt16LE(24, 28);
  const body = pixels(side_px, seed);
  for (let at = 0; at < body.length; at += 3) [body[at], body[at + 2]] = [body[at + 2] ?? 0, body[at] ?? 0]; // blue first
  return Buffer.concat([header, body]);
}

/** Mulberry32: values in [0, 1). @param {number} state */
function generator(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}
