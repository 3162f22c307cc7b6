import { galleryOf } from "./gallery.js";
import { find, make, makeLater } from "../../shared/view/dom.js";

/**
 * The choice of models, each with a picture from its gallery, and the button to load a model file.
 * @param {(file: string) => void} onModel
 * @param {(file: File) => void} onFile a model of the visitor's
 * @param {Promise<unknown>} calm the pictures are downloaded after this resolves
 */
export function createModels(onModel, onFile, calm) {
  const place = find("#models", HTMLFieldSetElement);
  const file = make("input", { id: "model-file", type: "file", accept: ".safetensors" });
  file.dataset["testid"] = "model-file";
  file.addEventListener("change", () => {
    const [chosen] = file.files ?? [];
    file.value = ""; // otherwise choosing the same file again would cause no event
    if (chosen) onFile(chosen);
  });
  const own = make("label", { className: "model file-button" }, file, make("span", { textContent: "Load a model" }));
  place.append(own);
  place.addEventListener("change", ({ target }) => {
    if (target instanceof HTMLInputElement && target.name === "model") onModel(target.value);
  });
  /** @type {readonly unknown[]} */
  let shown = [];

  /**
   * @param {readonly import("../../shared/types.js").ModelFile[]} models
   * @param {string} chosen
   * @param {readonly import("../../shared/types.js").Gallery[]} galleries
   */
  return (models, chosen, galleries) => {
    const wasFocused = place.contains(document.activeElement) && document.activeElement !== file;
    if (shown[0] !== models || shown[1] !== galleries) {
      for (const label of place.querySelectorAll(".model:not(.file-button)")) label.remove();
      for (const model of models) own.before(card(model, galleryOf(galleries, models, model.file), calm));
    }
    shown = [models, galleries];
    for (const radio of place.querySelectorAll("input[type=radio]")) {
      if (!(radio instanceof HTMLInputElement)) continue;
      radio.checked = radio.value === chosen;
      if (radio.checked && wasFocused) radio.focus();
      if (radio.checked) reveal(radio.parentElement);
    }
  };
}

/** Scrolls a card into view, if the row of cards is wider than the screen. @param {HTMLElement | null} card */
function reveal(card) {
  const row = card?.parentElement;
  if (card && row) row.scrollLeft = Math.max(0, Math.min(row.scrollLeft, card.offsetLeft), card.offsetLeft + card.offsetWidth - row.clientWidth);
}

/**
 * @param {import("../../shared/types.js").ModelFile} model
 * @param {import("../../shared/types.js").Gallery | undefined} gallery
 * @param {Promise<unknown>} calm
 */
function card({ file, name }, gallery, calm) {
  const radio = make("input", { type: "radio", name: "model", value: file });
  const picture = gallery?.samples.find(({ label }) => label === "normal");
  const image = picture ? [makeLater(`gallery/${picture.file}`, calm, { alt: "", width: 40, height: 40 })] : [];
  return make("label", { className: "model" }, radio, ...image, make("span", { textContent: gallery?.name ?? name }));
}
