/** Fig. 5 of the paper, live: models of the same data that differ only in their block size. Loaded after the first image is judged. */

import { remember } from "../shared/address.js";
import { share } from "./gap.js";
import { fetchManifest, intact, request } from "../shared/download.js";
import { sentence } from "../shared/format.js";
import { isGone, reason } from "../shared/session.js";
import { address, initial, kindOf, nameOf, next, reduce } from "./series/state.js";
import { createSeries } from "./view/series.js";
import { find, whenSeen } from "../shared/view/dom.js";

/**
 * @typedef {import("./series/state.js").Event} Event
 * @typedef {import("../shared/types.js").ModelFile} ModelFile
 */

/** @param {{ session: import("../shared/session.js").Session, store: ReturnType<typeof import("../shared/state.js").createStore> }} page */
export function open({ session, store }) {
  let state = initial(new URLSearchParams(location.search));
  const show = createSeries(send);
  /** The models by their names. @type {Map<string, ModelFile>} */
  const models = new Map();
  /** The detectors of these models on the current engine, loaded or still loading. @type {Map<ModelFile, Promise<import("daad").Detector>>} */
  const added = new Map();
  let isWorking = false;

  /** @param {Event} event */
  function send(event) {
    state = reduce(state, event);
    if (event.type === "kind" || event.type === "pick" || event.type === "rate") {
      remember(address(state));
      void work();
    }
    show(state);
  }

  /** Reconstructs one image after the other until all are done. Requests for other images, such as the visitor's, are served in between. */
  async function work() {
    if (isWorking || !store.get().loaded) return;
    isWorking = true;
    let isAnew = false;
    const { loaded } = store.get();
    try {
      for (let task = next(state); task; task = next(state)) send({ type: "rebuilt", ...task, rebuilt: await rebuild(task) });
    } catch (error) {
      // If the engine was replaced, all images start again on the new one. Errors of the network or the site are shown.
      isAnew = store.get().loaded !== loaded;
      if (!isAnew && !isGone(error)) send({ type: "failed", message: reason(error) });
    }
    isWorking = false;
    if (isAnew) void work();
  }

  /** @param {{ kind: string, rate: number, file: string }} task @returns {Promise<import("./series/state.js").Rebuilt>} */
  async function rebuild({ kind, rate, file }) {
    const model = models.get(`${kind}-r${rate}`);
    const sample = kindOf({ ...state, kind }).samples.find((sample) => nameOf(sample) === file);
    if (!model || !sample) throw new Error(`There is no model for r = ${rate}, or no image ${file}.`);
    const adding = added.get(model) ?? session.beside(model);
    added.set(model, adding);
    adding.catch(() => added.delete(model)); // so that the next request tries again
    const detector = await adding;
    const image = await intact((await request(sample.file, "an image")).arrayBuffer());
    const { reconstructionScore, reconstruction, errorMap, width, height } = await detector.detect(image);
    return { error: share(reconstructionScore), reconstruction, errorMap, width, height };
  }

  async function start() {
    try {
      const [manifest, listed] = await Promise.all([fetchManifest(), fetchKinds()]);
      for (const model of manifest.series) models.set(model.name, model);
      if (models.size === 0) throw new Error("This site has no models for this: put them into models/series/ and build it again.");
      send({ type: "opened", kinds: listed.map((kind) => ({ ...kind, rates: ratesOf(kind.name, [...models.keys()]) })) });
      store.watch((state) => [state.loaded], restart);
    } catch (error) {
      send({ type: "failed", message: sentence(error) });
      addEventListener("hashchange", startWhenSeen, { once: true }); // the next visit to this step tries again
    }
  }

  function startWhenSeen() {
    whenSeen(find("#networks", HTMLElement), start);
  }

  /** @param {unknown} loaded */
  function restart(loaded) {
    added.clear();
    if (!loaded) return;
    send({ type: "lost" });
    void work();
  }

  show(state);
  startWhenSeen();
}

/** @returns {Promise<import("./series/state.js").Listed[]>} */
async function fetchKinds() {
  return intact((await request("series.json", "the list of images")).json());
}

/**
 * The rates of a kind's models, the smallest blocks first.
 * @param {string} kind
 * @param {readonly string[]} names of models, such as `floors-r4`
 */
function ratesOf(kind, names) {
  const rates = names.filter((name) => name.startsWith(`${kind}-r`)).map((name) => Number(name.slice(kind.length + 2)));
  return rates.sort((a, b) => b - a);
}
