import { megabytes } from "../../shared/format.js";
import { find, put } from "../../shared/view/dom.js";

/**
 * @param {"ready" | "working" | "error"} status
 * @param {string} message
 * @param {import("../../shared/types.js").Progress | null} progress
 */
export function showStatus(status, message, progress) {
  find("#bar", HTMLElement).dataset.status = status;
  put("[data-testid=status]", status);
  // Only the progress bar shows the number of bytes. The sentence does not change during the download, because a screen reader would read each change.
  put("#message", message);
  const bar = find("#progress", HTMLProgressElement);
  const bytes = find("#bytes", HTMLElement);
  const downloading = progress?.stage === "downloading";
  bar.classList.toggle("on", status === "working");
  if (downloading) {
    const { loadedBytes, totalBytes } = progress;
    if (totalBytes === null) bar.removeAttribute("value");
    else bar.value = loadedBytes / totalBytes;
    bytes.textContent = totalBytes === null ? megabytes(loadedBytes) : `${megabytes(loadedBytes)} of ${megabytes(totalBytes)}`;
  } else {
    bar.removeAttribute("value"); // an indeterminate bar, because the end is not known
    bytes.textContent = "";
  }
}

/** @param {boolean} busy */
export function showBusy(busy) {
  find("#result", HTMLElement).setAttribute("aria-busy", String(busy));
}
