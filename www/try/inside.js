/** Connects "Look inside the memory" with the page. Loaded after the first result. */

import { remember } from "../shared/address.js";
import { Inquiry } from "./inside/inquiry.js";
import { address, current, initial, outlined, reduce } from "./inside/state.js";
import { createChooser } from "./view/chooser.js";
import { find } from "../shared/view/dom.js";
import { STRONGEST, createInside } from "./view/inside.js";

/** The time between two changes of the address; browsers allow only a few changes per second. */
const REMEMBER_MS = 500;

/** If images follow each other faster than this, for instance while the visitor paints, they are not inspected. */
const CALM_MS = 150;

/** An engine that needs longer than this for an image inspects only blocks that the visitor has chosen. */
const QUICK_MS = 2000;

/** @param {{ session: import("../shared/session.js").Session, store: ReturnType<typeof import("../shared/state.js").createStore> }} page */
export function open({ session, store }) {
  let state = initial(new URLSearchParams(location.search));
  let isInView = false;
  const drawer = find("#inside", HTMLDetailsElement);
  if (state.chosen !== null) drawer.open = true;
  let remembering = 0;
  let calming = 0;
  const showChoice = createChooser(send);
  const showInside = createInside(send);
  const inquiry = new Inquiry(({ detection }, place) => session.inspect(detection, place, STRONGEST), show);

  /** @param {import("./inside/state.js").Event} event */
  function send(event) {
    const before = state;
    state = reduce(state, event);
    if (state === before) return;
    if (event.type === "tap" || event.type === "choose") reveal();
    show();
    inquire();
    if (state.chosen === before.chosen) return;
    clearTimeout(remembering);
    remembering = window.setTimeout(() => remember(address(state)), REMEMBER_MS);
  }

  /** Opens the card, because a visitor who chooses a block wants to see the memory's answer. */
  function reveal() {
    if (drawer.open) return;
    drawer.open = true;
    // The panes with the chosen block stay visible above the answer.
    find("#panes", HTMLElement).scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  }

  function show() {
    const { result, loaded, loading, detecting } = store.get();
    const place = current(state, result);
    const isPast = !loading && !detecting && loaded !== result?.loaded;
    showChoice(result?.loaded.info.division ?? null, place, drawer.open ? outlined(state, place) : state.pointed);
    showInside({ result, place, isPast, isChosen: state.chosen !== null, isHeld: state.held, answers: result && place ? inquiry.answers({ image: result, place }) : [], scale: state.scale });
  }

  /** Asks the engine about blocks, but not while it judges an image, and not if the result came from another engine. */
  function inquire() {
    const { result, loaded, loading, detecting } = store.get();
    const place = current(state, result);
    const isAsked = drawer.open && (state.chosen !== null || (isInView && (result?.detection.elapsedMs ?? 0) < QUICK_MS));
    const isFree = !loading && !detecting && loaded === result?.loaded;
    inquiry.want(result && place && isAsked && isFree ? { image: result, place, scales: result.loaded.info.scales } : null);
  }

  store.watch((state) => [state.result, state.loaded, state.loading, state.detecting], () => {
    show();
    inquiry.want(null);
    clearTimeout(calming);
    calming = window.setTimeout(inquire, CALM_MS);
  });
  new IntersectionObserver((entries) => {
    isInView = entries.some(({ isIntersecting }) => isIntersecting);
    inquire();
  }).observe(drawer);
  drawer.addEventListener("toggle", () => {
    show();
    inquire();
  });
}
