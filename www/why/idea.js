/** Connects the demonstration of the paper's Fig. 1 with the page. It needs neither engine nor model. */

import { remember } from "../shared/address.js";
import { blockCount } from "./idea/blocks.js";
import { address, derive, initial, reduce } from "./idea/state.js";
import { find, whenSeen } from "../shared/view/dom.js";
import { createLesson } from "./view/lesson.js";

/** The approximate time of an assembly, for any number of blocks, and the maximum time for one block. */
const ASSEMBLY_MS = 5000;
const LONGEST_BLOCK_MS = 900;

/** The time in which blocks move apart, or together again. */
const DRIFT_MS = 300;

let state = initial(new URLSearchParams(location.search));
let derived = derive(state);
/** The distance between the blocks, 0 to 1. */
let apart = 0;
let isMoving = false;
const show = createLesson(send);
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** @param {import("./idea/state.js").Event} event */
function send(event) {
  const before = state;
  state = reduce(state, event);
  if (state === before) return;
  if (state.images !== before.images || state.size !== before.size) {
    derived = derive(state);
    remember(address(state));
  }
  if (still.matches) apart = goal();
  show(state, derived, apart);
  move();
}

/** Blocks are apart while they are being assembled. */
function goal() {
  return state.done < blockCount(state.size) ? 1 : 0;
}

/** Runs the animation until nothing is left to move. */
function move() {
  if (isMoving) return;
  isMoving = true;
  let last = performance.now();
  let owed = 0;
  /** @param {number} now */
  const frame = (now) => {
    const passed_ms = Math.max(0, now - last);
    last = now;
    if (apart !== goal()) {
      const step = passed_ms / DRIFT_MS;
      apart = goal() > apart ? Math.min(1, apart + step) : Math.max(0, apart - step);
      show(state, derived, apart);
    } else if (state.playing) {
      owed += passed_ms / Math.min(LONGEST_BLOCK_MS, ASSEMBLY_MS / blockCount(state.size));
      const blocks = Math.floor(owed);
      owed -= blocks;
      if (blocks > 0) send({ type: "advance", blocks });
    }
    isMoving = state.playing || apart !== goal();
    if (isMoving) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

show(state, derived, apart);
// The animation plays once when it is first seen, unless the visitor prefers reduced motion.
if (!still.matches) whenSeen(find("#blocks", HTMLElement), () => send({ type: "play" }));
