import { find } from "../../shared/view/dom.js";

/**
 * The three ways to give images: choose files, drop them anywhere on the page, paste them.
 * @param {(files: [File, ...File[]]) => void} onFiles
 * @param {(message: string) => void} onRefused
 */
export function acceptFiles(onFiles, onRefused) {
  const input = find("#file", HTMLInputElement);
  const zone = find("#drop", HTMLElement);

  input.addEventListener("change", () => {
    const [first, ...rest] = input.files ?? [];
    input.value = ""; // otherwise choosing the same file again would cause no event
    if (first) onFiles([first, ...rest]);
  });
  if (input.files?.length) queueMicrotask(() => input.dispatchEvent(new Event("change"))); // what a visitor chose before this script was loaded

  const over = (/** @type {boolean} */ on) => zone.classList.toggle("over", on);
  addEventListener("dragover", (event) => {
    event.preventDefault();
    over(true);
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) over(false); // the pointer left the window, not just an element
  });
  addEventListener("drop", (event) => {
    over(false);
    if (event.defaultPrevented) return; // another part of the page handled the drop
    event.preventDefault();
    const teach = event.target instanceof Element && event.target.closest("#teach");
    if (teach && event.dataTransfer?.files.length) return void (find("#teach-files", HTMLInputElement).files = event.dataTransfer.files); // its script takes them when it is loaded
    const [first, ...rest] = event.dataTransfer?.files ?? [];
    if (first) onFiles([first, ...rest]);
    else onRefused("That was no image file: a link to an image cannot be opened here, so save the image first.");
  });
  addEventListener("paste", (event) => {
    const [first, ...rest] = event.clipboardData?.files ?? [];
    if (first) onFiles([first, ...rest]);
    else onRefused("The clipboard holds no image.");
  });
}
