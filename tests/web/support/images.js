/** Unusual images that the page must handle, as bytes. */

import { deflateSync } from "node:zlib";

/**
 * A valid PNG of zeros, one bit a pixel: 20,000 pixels a side fit into some 50 kB.
 * @param {number} side_px
 */
export function blankPng(side_px) {
  const row = Buffer.alloc(1 + Math.ceil(side_px / 8));
  const data = deflateSync(Buffer.alloc(row.length * side_px), { level: 9 });
  return png(side_px, data);
}

/**
 * A PNG of black and white noise, which is unlike any image that a model knows.
 * @param {number} side_px a multiple of eight
 */
export function noisePng(side_px) {
  const row = 1 + side_px / 8;
  const bytes = Array.from({ length: row * side_px }, (_, at) => (at % row === 0 ? 0 : (at * at * 37 + at * 91) % 251));
  return png(side_px, deflateSync(Buffer.from(bytes)));
}

/** A PNG whose header claims a billion pixels but that has only a few bytes. */
export function bombPng() {
  return png(30_000, deflateSync(Buffer.alloc(64)));
}

/**
 * @param {number} side_px
 * @param {Buffer} data
 */
function png(side_px, data) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side_px, 0);
  header.writeUInt32BE(side_px, 4);
  header[8] = 1; // bits; the colour type stays 0, grey
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))]);
}

/**
 * @param {string} type
 * @param {Buffer} data
 */
function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

/** @param {Buffer} bytes */
function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
