/**
 * The page is isolated from others, without which a browser gives it no threads, even by a host that does not send the headers for it: the service
 * worker adds them to what it answers. A first visit is answered before there is one, so the page comes once more.
 */

import { SITE } from "./download.js";

/** What a visitor does that coming once more would undo. */
const ACTS = ["pointerdown", "keydown", "input", "change", "drop", "paste"];

/** Remembers, in this tab, that the page came once more. */
const CAME_AGAIN = "came-again";

/** Never fails: the page is of use without threads. */
export async function isolate() {
  if (globalThis.crossOriginIsolated || !("serviceWorker" in navigator) || navigator.serviceWorker.controller) return;
  let isTouched = false;
  for (const act of ACTS) addEventListener(act, () => (isTouched = true), { capture: true, once: true });
  navigator.serviceWorker.addEventListener("controllerchange", () => isTouched || comesAgain() || location.reload(), { once: true });
  await register().catch((error) => console.info("The page cannot be isolated here.", error));
}

export function register() {
  return navigator.serviceWorker.register(new URL("service-worker.js", SITE));
}

/** Whether the page came once more already: a second time would bring nothing new. Where that cannot be remembered it counts as done. */
function comesAgain() {
  try {
    const before = sessionStorage.getItem(CAME_AGAIN);
    sessionStorage.setItem(CAME_AGAIN, "yes");
    return before !== null;
  } catch {
    return true;
  }
}
