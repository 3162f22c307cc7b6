/** Choosing a block on the panes of the result: by pointer on the reconstruction and the heat map, by keyboard on the heat map, which every view shows. All three panes outline the block. */

import { moved, placeAt } from "../inside/place.js";
import { find, make } from "../../shared/view/dom.js";

/** @typedef {import("../inside/place.js").Place} Place */
/** @typedef {import("../inside/place.js").Division} Division */
/** @typedef {(event: import("../inside/state.js").Event) => void} Send */

/** A pointer that stays on a block for this time chooses it. */
const REST_MS = 120;

/** @param {Send} send */
export function createChooser(send) {
  const frames = ["input", "reconstruction", "error-map"].map((testid) => {
    const frame = find(`[data-testid=${testid}]`, HTMLCanvasElement).parentElement;
    if (!frame) throw new Error(`the ${testid} stands alone`);
    return frame;
  });
  const marks = frames.map((frame) => {
    const mark = make("div", { className: "inside-mark", hidden: true });
    frame.append(mark);
    return mark;
  });
  /** @type {Division | null} */
  let division = null;
  /** @type {Place | null} */
  let current = null;
  let resting = 0;
  /** Where the pointer was on the screen. */
  let last = { x: NaN, y: NaN };
  addEventListener("pointermove", ({ screenX, screenY }) => (last = { x: screenX, y: screenY }));

  const [, ...open] = frames;
  for (const frame of open) {
    const at = (/** @type {MouseEvent} */ { clientX, clientY }) => {
      const { left, top, width, height } = frame.getBoundingClientRect();
      return division && placeAt((clientX - left) / width, (clientY - top) / height, division);
    };
    frame.addEventListener("pointermove", (event) => {
      const hasMoved = event.screenX !== last.x || event.screenY !== last.y; // otherwise the page scrolled under the pointer
      if (event.pointerType === "touch" || !hasMoved) return;
      send({ type: "point", place: at(event) });
      clearTimeout(resting);
      resting = window.setTimeout(() => send({ type: "rest" }), REST_MS);
    });
    frame.addEventListener("pointerleave", () => {
      clearTimeout(resting);
      send({ type: "point", place: null });
    });
    frame.addEventListener("click", (event) => {
      const place = at(event);
      if (place) send({ type: "tap", place });
    });
    frame.addEventListener("keydown", (event) => {
      if (event.key === "Escape") return send({ type: "release" });
      const place = division && current && !event.ctrlKey && !event.metaKey && !event.altKey && moved(event.key, current, division);
      if (!place) return;
      event.preventDefault(); // otherwise the page would scroll
      send({ type: "choose", place });
    });
  }

  /**
   * @param {Division | null} now the model's division, null if there are no blocks to choose
   * @param {Place | null} place the block that is inspected
   * @param {Place | null} outlined
   */
  return (now, place, outlined) => {
    [division, current] = [now, place];
    for (const frame of open) frame.classList.toggle("choosable", Boolean(division));
    const map = open.at(-1);
    if (map) makeFocusable(map, division, place);
    for (const mark of marks) {
      mark.hidden = !division || !outlined;
      if (!division || !outlined) continue;
      const { height, width } = division;
      Object.assign(mark.style, { left: pc(outlined.column / width), top: pc(outlined.row / height), width: pc(1 / width), height: pc(1 / height) });
    }
  };
}

/**
 * @param {HTMLElement} frame
 * @param {Division | null} division
 * @param {Place | null} place
 */
function makeFocusable(frame, division, place) {
  if (!division) return ["tabindex", "role", "aria-label", "aria-describedby"].forEach((name) => frame.removeAttribute(name));
  frame.tabIndex = 0;
  frame.setAttribute("role", "application");
  frame.setAttribute("aria-label", `Blocks of the heat map: arrow keys choose one to look inside${place ? `; row ${place.row + 1}, column ${place.column + 1} is chosen` : ""}`);
  frame.setAttribute("aria-describedby", "inside-said");
}

/** @param {number} share */
function pc(share) {
  return `${share * 100}%`;
}
