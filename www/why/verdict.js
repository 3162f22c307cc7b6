/** The last step of "Why" shows the image of the view "Try" divided, assembled and judged. */

import { score } from "../shared/format.js";
import { source, verdict } from "../shared/state.js";
import { find } from "../shared/view/dom.js";
import { blend } from "../try/view/panes.js";

/** The distance between two blocks, as a share of the image's width. */
const GAP = 0.03;

/** The opacity of the heat map over the image. */
const OPACITY = 0.7;

/** @param {{ store: ReturnType<typeof import("../shared/state.js").createStore> }} page */
export function open({ store }) {
  store.watch((state) => [state.result], showPictures);
  store.watch((state) => [verdict(state)], showVerdict);
  store.watch((state) => [source(state)?.info], (info) => (find("#how-alignment", HTMLElement).hidden = !info?.alignment));
}

/** @param {import("../shared/state.js").Result | null} result */
function showPictures(result) {
  if (!result) return;
  const { input, reconstruction, heatMap, width, height } = result.detection;
  const division = result.loaded.info.division ?? { width: 1, height: 1 };
  draw("divided", input, width, height, division);
  draw("assembled", reconstruction, width, height, { width: 1, height: 1 });
  draw("judged", blend(input, heatMap, OPACITY), width, height, { width: 1, height: 1 });
}

/**
 * @param {string} name
 * @param {Uint8ClampedArray<ArrayBuffer>} pixels RGBA
 * @param {number} width
 * @param {number} height
 * @param {{ width: number, height: number }} division blocks along each side, drawn with gaps between them
 */
function draw(name, pixels, width, height, { width: columns, height: rows }) {
  const canvas = find(`#how-${name}`, HTMLCanvasElement);
  const gap = Math.round(GAP * width);
  const image = new OffscreenCanvas(width, height);
  image.getContext("2d")?.putImageData(new ImageData(pixels, width, height), 0, 0);
  [canvas.width, canvas.height] = [width + gap * (columns - 1), height + gap * (rows - 1)];
  const context = canvas.getContext("2d");
  const edge = (/** @type {number} */ at, /** @type {number} */ count, /** @type {number} */ side) => Math.round((at * side) / count);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const [left, top] = [edge(column, columns, width), edge(row, rows, height)];
      const [across, down] = [edge(column + 1, columns, width) - left, edge(row + 1, rows, height) - top];
      context?.drawImage(image, left, top, across, down, left + column * gap, top + row * gap, across, down);
    }
  }
}

/** @param {ReturnType<typeof verdict>} judged */
function showVerdict(judged) {
  find("#how-verdict", HTMLElement).textContent = judged ? `Here ${score(judged.score)} against ${score(judged.threshold)}: ${judged.verdict}.` : "";
}
