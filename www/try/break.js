/** "Break it": the visitor paints defects into the judged image, and the image is judged again after every stroke. */

import { apply } from "./break/apply.js";
import { begin, extend, undo } from "./break/strokes.js";
import { canPaint, status, verdict, verdictBefore } from "../shared/state.js";
import { createBreak } from "./view/break.js";

/** @typedef {import("../shared/state.js").Strokes} Strokes */
/** @typedef {import("../shared/state.js").Result} Result */

/** @type {Strokes} */
const NOTHING = [];

/** @param {{ store: ReturnType<typeof import("../shared/state.js").createStore>, session: import("../shared/session.js").Session }} page */
export function open({ store, session }) {
  const view = createBreak({
    onBegin: (tool, pen, point) => (drawing = paint(begin(store.get().strokes, tool, pen, point))),
    onExtend: (point) => drawing === store.get().strokes && (drawing = paint(extend(drawing, point))),
    onChoose: () => store.send({ type: "view", view: "side" }), // only this view shows the input to paint on
    onUndo: () => paint(undo(store.get().strokes)),
    onClear: () => store.get().strokes.length > 0 && paint(NOTHING),
  });
  /** The strokes while the last one is being drawn; null if meanwhile another image was shown or a stroke was undone. @type {Strokes | null} */
  let drawing = null;
  /** The image whose painted version the engine judges. @type {import("../shared/state.js").Subject | null} */
  let painted = null;

  /** @param {Strokes} strokes @returns {Strokes | null} null if there is no image to paint on */
  function paint(strokes) {
    if (strokes !== store.get().strokes) store.send({ type: "painted", strokes });
    return store.get().strokes === strokes ? strokes : null;
  }

  /**
   * Judges the painted picture again. It changes when the visitor changes the strokes, or when another engine judges the original.
   * @param {Result | null} original
   * @param {Strokes} strokes
   */
  function show(original, strokes) {
    if (!original) return;
    const { input, width, height } = original.detection;
    const data = apply({ data: input, width, height }, strokes);
    view.showPicture({ data, width, height }, strokes.length > 0);
    if (strokes.length > 0 || painted === original.subject) session.paint(strokes, new ImageData(data, width, height));
    painted = strokes.length > 0 ? original.subject : null;
  }

  store.watch((state) => [state.original, state.strokes], show);
  // An image that was asked for and refused meanwhile took the turn of the painted one.
  store.watch((state) => [state.detecting], (detecting) => {
    const { original, strokes, result } = store.get();
    if (!detecting && strokes.length > 0 && result?.strokes !== strokes) show(original, strokes);
  });
  store.watch((state) => [verdictBefore(state), verdict(state), state.strokes.length > 0], (before, now, isPainted) => before && view.showScore(before, isPainted ? now : null));
  store.watch((state) => [state.strokes.length > 0 && state.result?.strokes !== state.strokes], view.showBehind);
  store.watch((state) => [canPaint(state) || status(state) === "working"], view.showPaintable);
}
