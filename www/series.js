/** Fig. 5 of the paper, live: models of the same data that differ in their block size alone. Loaded after the first image is judged. */

import { remember } from "./address.js";
import { fetchManifest, intact, request } from "./download.js";
import { sentence } from "./format.js";
import { address, initial, next, reduce } from "./series/state.js";
import { createSeries } from "./view/series.js";
import { find } from "./view/dom.js";

/**
 * @typedef {import("./series/state.js").Event} Event
 * @typedef {import("./protocol.js").ModelFile} ModelFile
 */

/** The engine changed while something else was waited for. */
class Gone extends Error {}

/** @param {{ client: import("./client.js").Client, store: ReturnType<typeof import("./state.js").createStore> }} page */
export function open({ client, store }) {
  let state = initial(new URLSearchParams(location.search));
  const show = createSeries(send);
  /** The models by their rate. @type {Map<number, ModelFile>} */
  const models = new Map();
  /** What the present engine has of them, or will have. @type {Map<ModelFile, Promise<unknown>>} */
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
    let isGone = false;
    try {
      for (let task = next(state); task; task = next(state)) send({ type: "rebuilt", ...task, rebuilt: await rebuild(task) });
    } catch (error) {
      // The engine went away; the next one begins anew. What the network or the site lacks is told.
      isGone = error instanceof Gone;
      if (!isGone && !client.isLost(error)) send({ type: "failed", message: sentence(error) });
    }
    isWorking = false;
    if (isGone) void work();
  }

  /** @param {{ rate: number, file: string }} task @returns {Promise<import("./series/state.js").Rebuilt>} */
  async function rebuild({ rate, file }) {
    const model = models.get(rate);
    if (!model) throw new Error(`There is no model for r = ${rate}.`);
    const adding = added.get(model) ?? client.add(model);
    added.set(model, adding);
    adding.catch(() => added.delete(model)); // to be tried again
    await adding;
    const { loaded } = store.get();
    const image = await intact((await request(`floors/${file}`, "an image of a floor")).arrayBuffer());
    if (store.get().loaded !== loaded) throw new Gone();
    const { detection } = await client.detect(new Uint8Array(image), model.file);
    const { reconstructionScore: error, reconstruction, errorMap, width, height } = detection;
    return { error, reconstruction, errorMap, width, height };
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
  whenSeen(find("#series", HTMLElement), start);
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
