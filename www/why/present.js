/** Presentation mode of "Why": large type on the whole screen. The left and right arrow keys go from step to step, up and down change the block size. */

import { remember } from "../shared/address.js";
import { enable, find } from "../shared/view/dom.js";
import { shown } from "../shared/view/views.js";

export function open() {
  const button = find("#present", HTMLButtonElement);
  const root = document.documentElement;

  /** @param {boolean} on */
  function present(on) {
    root.toggleAttribute("data-present", on);
    button.setAttribute("aria-pressed", String(on));
    button.textContent = on ? "Leave" : "Present";
    remember({ present: on ? "1" : null });
  }

  button.addEventListener("click", () => {
    const on = !root.hasAttribute("data-present");
    present(on);
    if (on) fill(root).catch(() => {}); // a browser may refuse full screen or not support it; the rest of the mode works without it
    else if (document.fullscreenElement) void document.exitFullscreen();
  });
  enable(button);
  document.addEventListener("fullscreenchange", () => document.fullscreenElement || present(false));
  addEventListener("hashchange", () => shown(".step") || present(false));
  addEventListener("keydown", (event) => {
    if (!root.hasAttribute("data-present") || event.altKey || event.ctrlKey || event.metaKey) return;
    const isPainting = event.target instanceof HTMLCanvasElement || event.target instanceof HTMLSelectElement;
    if (event.key === "Escape") present(false);
    else if (isPainting) return;
    else if (event.key === "ArrowRight" || event.key === "PageDown") go(1);
    else if (event.key === "ArrowLeft" || event.key === "PageUp") go(-1);
    else if (event.key === "ArrowUp") resize(1);
    else if (event.key === "ArrowDown") resize(-1);
    else return;
    event.preventDefault();
  });
  if (!new URLSearchParams(location.search).get("present")) return;
  if (!shown(".step")) location.hash = "why"; // only this view has the button to leave
  present(true);
}

/** @param {HTMLElement} root */
async function fill(root) {
  await root.requestFullscreen?.();
  if (!root.hasAttribute("data-present")) await document.exitFullscreen(); // the visitor has left meanwhile
}

/** @param {1 | -1} by */
function go(by) {
  const step = shown(".step");
  const next = by > 0 ? step?.nextElementSibling : step?.previousElementSibling;
  if (next?.matches(".step")) location.hash = next.id;
}

/** @param {number} by steps of the slider of the current step */
function resize(by) {
  const slider = shown(".step")?.querySelector("input[type=range]");
  if (!(slider instanceof HTMLInputElement)) return;
  slider.value = String(Number(slider.value) + by);
  slider.dispatchEvent(new Event("input", { bubbles: true }));
}
