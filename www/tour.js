/** A short tour of the page. Its library is downloaded when the visitor starts the tour. */

import { find } from "./view/dom.js";

/** @type {readonly { element: string, title: string, description: string }[]} */
const STOPS = [
  { element: ".idea", title: "The idea", description: "Blocks of one image rebuild two others. Move the slider: small blocks rebuild the scratch too, large ones rebuild nothing, middling ones tell the two apart." },
  { element: "#series", title: "The same, learned", description: "Five trained networks that differ in their block size alone, on one floor. The gap between normal and defective is widest in the middle." },
  { element: "#drop", title: "Your own image", description: "Drop, paste or choose images, or take the camera. Nothing is uploaded: the network runs in this tab." },
  { element: "#verdict", title: "The verdict", description: "How anomalous the image is, against a threshold that was set on normal images. Further down you can move the threshold and see what it costs in false alarms." },
  { element: "#panes", title: "What it rebuilds", description: "Input, reconstruction, and where the two differ. Paint a defect into the input and watch the score follow." },
  { element: "#inside", title: "Inside the memory", description: "Choose a block to see which remembered blocks answer for it, and how strongly." },
];

export function open() {
  const button = find("#tour", HTMLButtonElement);
  button.disabled = false;
  button.addEventListener("click", () => void import("driver.js").then(({ driver }) => start(driver)).catch(() => (button.textContent = "The tour could not be loaded: reload the page")));

  /** @param {typeof import("driver.js").driver} driver */
  function start(driver) {
    const animate = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    driver({
      animate,
      smoothScroll: animate,
      showProgress: true,
      progressText: "{{current}} of {{total}}",
      nextBtnText: "Next",
      prevBtnText: "Back",
      doneBtnText: "Done",
      onPopoverRender: ({ title, footer }) => {
        // The library uses <header> and <footer>, which assistive technology would announce like those of the page.
        title.setAttribute("role", "none");
        footer.setAttribute("role", "group");
      },
      onDestroyed: () => button.focus(),
      steps: STOPS.map(({ element, title, description }) => ({ element, popover: { title, description } })),
    }).drive();
  }
}
