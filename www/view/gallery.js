import { find, make } from "./dom.js";

/** @typedef {import("../types.js").Sample} Sample */

/** @type {Record<import("../types.js").Label, string>} */
const HEADINGS = { defective: "Defective", normal: "Normal" };

/**
 * @param {import("../types.js").Gallery} gallery
 * @param {(sample: Sample) => void} onPick
 */
export function showGallery(gallery, onPick) {
  const groups = /** @type {const} */ (["defective", "normal"]).map((label) => {
    const items = gallery.samples.filter((sample) => sample.label === label).map((sample) => item(sample, onPick));
    const group = make("div", { className: "group" }, make("h2", { textContent: HEADINGS[label] }), make("div", { className: "thumbs" }, ...items));
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", `${HEADINGS[label]} images`);
    return group;
  });
  find("#gallery", HTMLElement).replaceChildren(...groups);
  find("#gallery-title", HTMLElement).textContent = gallery.title;
  find("#attribution", HTMLElement).replaceChildren(
    "The images: ",
    make("a", { href: gallery.source, textContent: gallery.title }),
    `. ${gallery.attribution}. `,
    make("a", { href: gallery.licence_url, rel: "license", textContent: gallery.licence }),
    ".",
  );
}

/** @param {Sample | null} picked */
export function markPicked(picked) {
  for (const button of document.querySelectorAll("#gallery button")) {
    button.setAttribute("aria-pressed", String(button instanceof HTMLElement && button.dataset.file === picked?.file));
  }
}

/**
 * @param {Sample} sample
 * @param {(sample: Sample) => void} onPick
 */
function item(sample, onPick) {
  const image = make("img", { src: `gallery/${sample.file}`, alt: sample.title, width: 128, height: 128, draggable: false });
  const button = make("button", { type: "button", title: sample.title, onclick: () => onPick(sample) }, image);
  Object.assign(button.dataset, { testid: "gallery-item", file: sample.file, label: sample.label });
  button.setAttribute("aria-pressed", "false");
  return button;
}
