/** Fig. 5 of the paper, live: models of the same data that differ in their block size alone. Loaded after the first image is judged. */

import { remember } from "../shared/address.js";
import { share } from "./gap.js";
import { fetchManifest, intact, request } from "../shared/download.js";
import { sentence } from "../shared/format.js";
import { isGone, reason } from "../shared/session.js";
import { address, initial, next, reduce } from "./series/state.js";
import { createSeries } from "./view/series.js";
import { find } from "../shared/view/dom.js";

/**
 * @typedef {import("./series/state.js").Event} Event
 * @typedef {import("../shared/types.js").ModelFile} ModelFile
 */

/** @param {{ session: import("../shared/session.js").Session, store: ReturnType<typeof import("../shared/state.js").createStore> }} page */
export function open({ session, store }) {
  let state = initial(new URLSearchParams(location.search));
  const show = createSeries(send);
  /** The models by their rate. @type {Map<number, ModelFile>} */
  const models = new Map();
  /** What the present engine has of them, or will have. @type {Map<ModelFile, Promise<import("daad").Detector>>} */
  const added = new Map();
  let isWorking = false;

  /** @param {Event} event */
  function send(event) {
    state = reduce(state, event);
    if (event.type === "pick" || event.type === "rate") {
      remember(address(state));
      void work();
    }
    show(state);
  }

  /** One image after the other, as long as there are any. The visitor's own images get their turn in between. */
  async function work() {
    if (isWorking || !store.get().loaded) return;
    isWorking = true;
    let isAnew = false;
    const { loaded } = store.get();
    try {
      for (let task = next(state); task; task = next(state)) send({ type: "rebuilt", ...task, rebuilt: await rebuild(task) });
    } catch (error) {
      // The engine went away; the next one begins anew. What the network or the site lacks is told.
      isAnew = store.get().loaded !== loaded;
      if (!isAnew && !isGone(error)) send({ type: "failed", message: reason(error) });
    }
    isWorking = false;
    if (isAnew) void work();
  }

  /** @param {{ rate: number, file: string }} task @returns {Promise<import("./series/state.js").Rebuilt>} */
  async function rebuild({ rate, file }) {
    const model = models.get(rate);
    if (!model) throw new Error(`There is no model for r = ${rate}.`);
    const adding = added.get(model) ?? session.beside(model);
    added.set(model, adding);
    adding.catch(() => added.delete(model)); // to be tried again
    const detector = await adding;
    const image = await intact((await request(`floors/${file}`, "an image of a floor")).arrayBuffer());
    const { reconstructionScore, reconstruction, errorMap, width, height } = await detector.detect(image);
    return { error: share(reconstructionScore), reconstruction, errorMap, width, height };
  }

  async function start() {
    try {
      const [manifest, samples] = await Promise.all([fetchManifest(), fetchSamples()]);
      for (const model of manifest.series) models.set(Number(model.name.replace(/^\D+/, "")), model);
      if (models.size === 0) throw new Error("This site has no models for this: put them into models/series/ and build it again.");
      send({ type: "opened", rates: [...models.keys()].sort((a, b) => b - a), samples: samples.samples });
      store.watch((state) => [state.loaded], restart);
    } catch (error) {
      send({ type: "failed", message: sentence(error) });
    }
  }

  /** @param {unknown} loaded */
  function restart(loaded) {
    added.clear();
    if (!loaded) return;
    send({ type: "lost" });
    void work();
  }

  show(state);
  whenSeen(find("#networks", HTMLElement), start);
}

/** @returns {Promise<import("./series/state.js").Samples>} */
async function fetchSamples() {
  return intact((await request("floors/samples.json", "the list of floors")).json());
}

/**
 * Nobody waits for megabytes that nobody looks at.
 * @param {HTMLElement} element
 * @param {() => void} then
 */
function whenSeen(element, then) {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      observer.disconnect();
      then();
    },
    { rootMargin: "300px" },
  );
  observer.observe(element);
}
