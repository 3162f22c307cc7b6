import { firstImage } from "../images.js";
import { find } from "./dom.js";

/**
 * The three ways in: choose, drop anywhere on the page, paste.
 * @param {(file: File) => void} onFile
 * @param {(message: string) => void} onRefused
 */
export function acceptFiles(onFile, onRefused) {
  const input = find("#file", HTMLInputElement);
  const zone = find("#drop", HTMLElement);

  input.addEventListener("change", () => {
    const [file] = input.files ?? [];
    input.value = ""; // so that choosing the same file again is a change
    if (file) onFile(file);
  });

  const over = (/** @type {boolean} */ on) => zone.classList.toggle("over", on);
  addEventListener("dragover", (event) => {
    event.preventDefault();
    over(true);
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) over(false); // left the window, not just an element
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    over(false);
    const file = firstImage(event.dataTransfer?.files);
    if (file) onFile(file);
    else onRefused("That was no image file: a link to an image cannot be opened here, so save the image first.");
  });
  addEventListener("paste", (event) => {
    const file = firstImage(event.clipboardData?.files);
    if (file) onFile(file);
    else onRefused("The clipboard holds no image.");
  });
}
