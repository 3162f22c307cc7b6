/** Files that the page makes, for the visitor to keep. */

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
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // a browser may ask where to put it first
}

/** What can be saved, and its name in the page and in names of files. */
const PICTURES = /** @type {const} */ ([["heatMap", "heat-map"], ["reconstruction", "reconstruction"]]);

/**
 * The pictures as they are, one pixel for each of the network's.
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
