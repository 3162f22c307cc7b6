/** Connects the list of several images with the page. Loaded when the visitor gives several images. */

import { stem } from "../shared/format.js";
import { fromFile, tooLarge } from "../shared/images.js";
import { criterion } from "./judgement.js";
import { csv, json } from "./list/export.js";
import { INITIAL, entries, next, reduce } from "./list/state.js";
import { find } from "../shared/view/dom.js";
import { createTable, thumbnail } from "./view/list.js";
import { save } from "./view/save.js";

/** The types of events that the engine causes, not the visitor. */
const OF_THE_ENGINE = new Set(["judging", "judged", "failed"]);

/**
 * @param {ReturnType<typeof import("../shared/state.js").createStore>} store
 * @param {import("../shared/session.js").Session} session
 */
export function createList(store, session) {
  let state = /** @type {import("./list/state.js").State} */ (INITIAL);
  /** The thumbnails by the row's id. @type {Map<number, HTMLCanvasElement>} */
  const thumbnails = new Map();
  /** The information about the model; it is kept while another engine is loaded. @type {import("../shared/types.js").ModelInfo | undefined} */
  let info;
  let frame = 0;
  let isWorking = false;
  /** The id from which on the next judged image is shown: of the images given last, the first one that can be judged. */
  let eagerFrom = Infinity;
  const table = createTable(find("#list", HTMLElement), { send, show, exportAs });

  store.watch((state) => [state.loaded, state.gamma, state.threshold], () => {
    info = store.get().loaded?.info ?? info;
    render();
  });
  store.watch((state) => [state.model], () => send({ type: "again" }));
  store.watch((state) => [state.subject], () => {
    eagerFrom = Infinity; // the visitor chose another image meanwhile
    if (state.shown !== null) send({ type: "shown", id: null });
  });
  store.watch((state) => [state.strokes.length > 0], () => (eagerFrom = Infinity)); // the visitor paints on the card's image

  /** @param {import("./list/state.js").Event} event */
  function send(event) {
    state = reduce(state, event);
    if (event.type === "remove" || event.type === "clear") forget();
    if (OF_THE_ENGINE.has(event.type)) renderSoon();
    else render();
    void work();
  }

  /** Judges the images one after another, so that an image for the card has to wait for at most one of them. */
  async function work() {
    if (isWorking) return;
    isWorking = true;
    for (let row = next(state); row; row = next(state)) {
      const { id, file } = row;
      send({ type: "judging", id });
      try {
        const refused = tooLarge(file);
        if (refused) throw new Error(refused);
        const detection = await session.judgeAside(fromFile(file));
        const { score, reconstructionScore, alignmentScore, anomalous, unfamiliarity } = detection;
        if (!state.rows.some((row) => row.id === id)) continue;
        thumbnails.set(id, thumbnail(detection));
        send({ type: "judged", id, scores: { score, reconstructionScore, alignmentScore, anomalous, unfamiliarity }, elapsedMs: detection.elapsedMs });
        if (id < eagerFrom) continue;
        show(id);
        eagerFrom = Infinity;
      } catch (error) {
        send({ type: "failed", id, reason: error instanceof Error ? error.message : String(error) });
      }
    }
    isWorking = false;
  }

  function current() {
    const { gamma, threshold } = store.get();
    const by = info ? criterion(info, { gamma, threshold }) : null;
    return { by, all: entries(state, info, by) };
  }

  /** Renders at most once per frame, because results may come faster than a long list can be drawn. */
  function renderSoon() {
    frame ||= requestAnimationFrame(render);
  }

  function render() {
    cancelAnimationFrame(frame);
    frame = 0;
    table(state, current().all, thumbnails);
  }

  /** @param {number} id */
  function show(id) {
    const row = state.rows.find((row) => row.id === id);
    if (!row) return;
    const refused = tooLarge(row.file);
    if (refused) return session.refuse(refused);
    session.ask(fromFile(row.file));
    send({ type: "shown", id });
  }

  /** @param {"csv" | "json"} kind */
  function exportAs(kind) {
    const { by, all } = current();
    const { loaded, models, model } = store.get();
    const file = models.find(({ file }) => file === model);
    if (!loaded || !by || !file) return session.refuse("The model is being loaded: the list can be exported when it is here.");
    const text = (kind === "csv" ? csv : json)(all, { model: { name: file.name, hash: file.hash }, criterion: by });
    save(new Blob([text], { type: kind === "csv" ? "text/csv" : "application/json" }), `daad-${stem(file.name)}.${kind}`);
  }

  function forget() {
    for (const id of thumbnails.keys()) if (!state.rows.some((row) => row.id === id)) thumbnails.delete(id);
  }

  return {
    /**
     * @param {readonly File[]} files
     * @param {boolean} isEager whether the card shows the first one that can be judged
     */
    add(files, isEager) {
      eagerFrom = isEager ? state.ids : Infinity;
      send({ type: "add", files });
    },
  };
}
