import { find, make, makeLater } from "../../shared/view/dom.js";

/** @typedef {import("../../shared/types.js").Sample} Sample */

/** @type {Record<import("../../shared/types.js").Label, string>} */
const HEADINGS = { defective: "Defective", normal: "Normal" };

/**
 * The gallery of a model; none for the visitor's own model.
 * @param {readonly import("../../shared/types.js").Gallery[]} galleries
 * @param {readonly import("../../shared/types.js").ModelFile[]} models
 * @param {string} file the model's
 */
export function galleryOf(galleries, models, file) {
  const model = models.find((model) => model.file === file);
  return model?.weights ? undefined : galleries.find((gallery) => gallery.model === model?.name);
}

/** The image to begin with: a defective one, because its error map shows more. @param {import("../../shared/types.js").Gallery} gallery */
export function defaultSample({ samples }) {
  return samples.find(({ label }) => label === "defective") ?? samples[0];
}

/** @type {import("../../shared/types.js").Gallery | null | undefined} */
let shown = null;

/**
 * @param {import("../../shared/types.js").Gallery | undefined} gallery
 * @param {readonly unknown[]} models empty before they are loaded; then the space for the gallery is reserved
 * @param {(sample: Sample) => void} onPick
 * @param {Promise<unknown>} calm the images are downloaded after this resolves
 */
export function showGallery(gallery, models, onPick, calm) {
  if (gallery === shown) return;
  shown = gallery;
  const groups = (gallery ? /** @type {const} */ (["defective", "normal"]) : []).map((label) => {
    const items = gallery?.samples.filter((sample) => sample.label === label).map((sample) => item(sample, onPick, calm)) ?? [];
    const group = make("div", { className: "group" }, make("h2", { textContent: HEADINGS[label] }), make("div", { className: "thumbs" }, ...items));
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", `${HEADINGS[label]} images`);
    return group;
  });
  const place = find("#gallery", HTMLElement);
  place.replaceChildren(...groups);
  place.hidden = !gallery && models.length > 0;
  find("#attribution", HTMLElement).replaceChildren(
    ...(gallery ? ["The images: ", make("a", { href: gallery.source, textContent: gallery.title }), `. ${gallery.attribution}. `, make("a", { href: gallery.licence_url, rel: "license", textContent: gallery.licence }), "."] : []),
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
 * @param {Promise<unknown>} calm
 */
function item(sample, onPick, calm) {
  const image = makeLater(`gallery/${sample.file}`, calm, { alt: sample.title, width: 128, height: 128, draggable: false });
  const button = make("button", { type: "button", title: sample.title, onclick: () => onPick(sample) }, image);
  Object.assign(button.dataset, { testid: "gallery-item", file: sample.file, label: sample.label });
  button.setAttribute("aria-pressed", "false");
  return button;
}
