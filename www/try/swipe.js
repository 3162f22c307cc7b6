/** Shows the input over the reconstruction, with a divider to move. Loaded when the visitor chooses this view. */

import "img-comparison-slider";
import { make } from "../shared/view/dom.js";
import { paint } from "./view/panes.js";

/** @typedef {import("img-comparison-slider").HTMLImgComparisonSliderElement} Slider */

/** The keys of a slider. The library's keys do not support steps and ends. @type {Record<string, (value: number) => number>} */
const KEYS = {
  ArrowLeft: (value) => value - 2,
  ArrowDown: (value) => value - 2,
  ArrowRight: (value) => value + 2,
  ArrowUp: (value) => value + 2,
  PageDown: (value) => value - 20,
  PageUp: (value) => value + 20,
  Home: () => 0,
  End: () => 100,
};

/** @param {HTMLElement} place */
export function createSwipe(place) {
  const input = make("canvas", { slot: "first" });
  const reconstruction = make("canvas", { slot: "second" });
  const slider = /** @type {Slider} */ (document.createElement("img-comparison-slider"));
  for (const [name, value] of Object.entries({ keyboard: "disabled", role: "slider", "aria-label": "Divider between the input, left, and the reconstruction, right", "aria-valuemin": 0, "aria-valuemax": 100, "data-testid": "swipe" })) {
    slider.setAttribute(name, String(value));
  }
  slider.append(input, reconstruction);
  slider.addEventListener("slide", tell);
  slider.addEventListener("keydown", (event) => {
    const move = KEYS[event.key];
    if (!move || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    slider.value = Math.min(100, Math.max(0, move(slider.value)));
    tell();
  });
  place.replaceChildren(slider);
  tell();

  function tell() {
    const value = Math.round(slider.value);
    slider.setAttribute("aria-valuenow", String(value));
    slider.setAttribute("aria-valuetext", `${value} % input, ${100 - value} % reconstruction`);
  }

  /** @param {import("../shared/types.js").Detection} detection */
  return (detection) => {
    paint(input, detection.input, detection.width, detection.height);
    paint(reconstruction, detection.reconstruction, detection.width, detection.height);
  };
}
