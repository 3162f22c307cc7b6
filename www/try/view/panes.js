import { find } from "../../shared/view/dom.js";

/** @typedef {Uint8ClampedArray<ArrayBuffer>} Pixels RGBA */

/** @param {import("../../shared/types.js").Detection} detection */
export function showPanes({ input, reconstruction, width, height }) {
  draw("input", input, width, height);
  draw("reconstruction", reconstruction, width, height);
  const panes = find("#panes", HTMLElement);
  panes.classList.add("filled");
  panes.style.setProperty("--ratio", `${width} / ${height}`);
}

/**
 * @param {import("../../shared/types.js").Detection} detection
 * @param {number} opacity 0 to 1
 */
export function showOverlay({ input, heatMap, width, height }, opacity) {
  draw("error-map", blend(input, heatMap, opacity), width, height);
}

/** @param {import("../../shared/state.js").View} view */
export function showView(view) {
  find("#panes", HTMLElement).dataset.view = view;
  find(`input[name=view][value=${view}]`, HTMLInputElement).checked = true;
}

/** @param {(view: import("../../shared/state.js").View) => void} onView */
export function chooseView(onView) {
  find("#view", HTMLElement).addEventListener("change", ({ target }) => {
    if (target instanceof HTMLInputElement) onView(target.value === "swipe" ? "swipe" : "side");
  });
}

/** @param {number} opacity */
export function showOpacity(opacity) {
  find("#opacity", HTMLInputElement).value = String(Math.round(opacity * 100));
  find("#opacity-out", HTMLOutputElement).value = `${Math.round(opacity * 100)} %`;
}

/**
 * @param {boolean} on
 * @param {import("../../shared/types.js").ModelInfo["division"] | undefined} division
 */
export function showBlocks(on, division) {
  const panes = find("#panes", HTMLElement);
  panes.classList.toggle("blocks", on && Boolean(division));
  find("#blocks-label", HTMLElement).hidden = division === null;
  if (!division) return;
  panes.style.setProperty("--columns", String(division.width));
  panes.style.setProperty("--rows", String(division.height));
  find("#division", HTMLElement).textContent = `${division.height} × ${division.width} on every scale`;
}

/**
 * The error map over the image. Dark parts of the map, where the error is small, get a smaller opacity, so that the image stays visible there.
 * @param {Pixels} image
 * @param {Pixels} map
 * @param {number} opacity 0 to 1: from the image alone to the map alone
 * @returns {Pixels}
 */
export function blend(image, map, opacity) {
  const mixed = new Uint8ClampedArray(image);
  for (let i = 0; i < mixed.length; i += 4) {
    const brightness = Math.max(map[i], map[i + 1], map[i + 2]) / 255;
    const weight = opacity ** (3 - 2 * brightness);
    for (let c = i; c < i + 3; c++) mixed[c] += (map[c] - mixed[c]) * weight;
  }
  return mixed;
}

/**
 * @param {string} testid
 * @param {Pixels} pixels
 * @param {number} width
 * @param {number} height
 */
function draw(testid, pixels, width, height) {
  paint(find(`[data-testid=${testid}]`, HTMLCanvasElement), pixels, width, height);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Pixels} pixels
 * @param {number} width
 * @param {number} height
 */
export function paint(canvas, pixels, width, height) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  canvas.getContext("2d")?.putImageData(new ImageData(pixels, width, height), 0, 0);
}
