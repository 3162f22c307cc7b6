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
  const name = named(file.name);
  const read = () =>
    file.arrayBuffer().catch(() => {
      throw new Error(`${name} could not be read: if it is a folder, drop the images in it instead.`);
    });
  return { name, sample: null, read };
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
