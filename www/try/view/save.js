/** Saves files that the page makes. */

import { stem } from "../../shared/format.js";
import { find, make } from "../../shared/view/dom.js";
import { paint } from "./panes.js";

/**
 * @param {Blob} blob
 * @param {string} name
 */
export function save(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // later, because a browser may first ask where to save the file
}

/** The pictures that can be saved: the key of the result, and the name in the page and in file names. */
const PICTURES = /** @type {const} */ ([["heatMap", "heat-map"], ["reconstruction", "reconstruction"]]);

/**
 * Saves the pictures in the size of the network's images.
 * @param {() => import("../../shared/state.js").Result | null} current
 */
export function offerPictures(current) {
  for (const [kind, name] of PICTURES) {
    find(`#save-${name}`, HTMLButtonElement).addEventListener("click", () => {
      const result = current();
      if (!result) return;
      const { subject, detection } = result;
      const canvas = make("canvas");
      paint(canvas, detection[kind], detection.width, detection.height);
      canvas.toBlob((blob) => blob && save(blob, `${stem((subject.sample?.file ?? subject.name).replace(/^.*\//, ""))}-${name}.png`));
    });
  }
}

/** @param {boolean} some whether there are pictures yet */
export function showOffer(some) {
  for (const [, name] of PICTURES) find(`#save-${name}`, HTMLButtonElement).disabled = !some;
}
