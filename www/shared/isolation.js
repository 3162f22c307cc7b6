/**
 * Isolates the page from others, because otherwise a browser allows no threads. If the host does not send the headers for this, the service worker
 * adds them to its responses. On a first visit the page is loaded before there is a service worker, so the page reloads once.
 */

import { SITE } from "./download.js";

/** Events of the visitor's actions, whose effects a reload would undo. */
const ACTS = ["pointerdown", "keydown", "input", "change", "drop", "paste"];

/** The key under which this tab stores that the page was reloaded. */
const CAME_AGAIN = "came-again";

/** Never fails, because the page also works without threads. */
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

/** Whether the page was reloaded already; a second reload would have no effect. If the browser cannot store this, the answer is yes, so that the page does not reload for ever. */
function comesAgain() {
  try {
    const before = sessionStorage.getItem(CAME_AGAIN);
    sessionStorage.setItem(CAME_AGAIN, "yes");
    return before !== null;
  } catch {
    return true;
  }
}
