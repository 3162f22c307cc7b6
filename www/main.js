/** Wiring: what the visitor does goes to the session, the session changes the state, the views show the state. */

import { megabytes } from "./format.js";
import { Session } from "./session.js";
import { createStore, message, status } from "./state.js";
import { find } from "./view/dom.js";
import { acceptFiles } from "./view/drop.js";
import { chooseEngine, showAbout, showBackend, showModels } from "./view/engine.js";
import { markPicked, showGallery } from "./view/gallery.js";
import { showHistogram } from "./view/histogram.js";
import { showBlocks, showOpacity, showOverlay, showPanes } from "./view/panes.js";
import { showRecipe } from "./view/recipe.js";
import { showBusy, showStatus } from "./view/status.js";
import { showVerdict } from "./view/verdict.js";

const IMAGE_LIMIT_BYTES = 64e6;

const store = createStore();
const session = new Session(store);

// State to page.
store.watch((state) => [status(state), message(state), state.progress], showStatus);
store.watch((state) => [state.detecting], showBusy);
store.watch((state) => [state.subject?.sample ?? null], markPicked);
store.watch((state) => [state.choice, state.loaded], showBackend);
store.watch((state) => [state.models, state.model], showModels);
store.watch((state) => [state.result, state.loaded], showVerdict);
store.watch((state) => [state.loaded?.info, state.result?.detection], showHistogram);
store.watch((state) => [state.result?.detection, state.loaded?.info], showRecipe);
store.watch((state) => [state.loaded?.info], showAbout);
store.watch((state) => [state.result?.detection], (detection) => detection && showPanes(detection));
store.watch((state) => [state.result?.detection, state.opacity], (detection, opacity) => detection && showOverlay(detection, opacity));
store.watch((state) => [state.opacity], showOpacity);
store.watch((state) => [state.blocks, state.loaded?.info.division], showBlocks);

// Visitor to session and state.
acceptFiles(askForFile, (message) => session.refuse(message));
chooseEngine(
  (choice) => void session.load(choice),
  (model) => void session.load(store.get().choice, model),
);
find("#opacity", HTMLInputElement).addEventListener("input", ({ target }) => {
  if (target instanceof HTMLInputElement) store.send({ type: "opacity", opacity: Number(target.value) / 100 });
});
find("#blocks", HTMLInputElement).addEventListener("change", ({ target }) => {
  if (target instanceof HTMLInputElement) store.send({ type: "blocks", blocks: target.checked });
});

// The address may say which backend, model and gallery image to start with.
const parameters = new URLSearchParams(location.search);
const backend = parameters.get("backend");
// The first image is asked for before the engine is there, so the page goes from working to ready once.
await openGallery(parameters.get("sample"));
void session.load(backend === "webgpu" || backend === "wasm" ? backend : "auto", parameters.get("model"));

/** @param {string | null} wanted file name of the image to begin with; the first defective one where there is none such */
async function openGallery(wanted) {
  const response = await fetch("gallery/gallery.json").catch(() => null);
  if (!response?.ok) return; // the page is of use without
  /** @type {import("./protocol.js").Gallery} */
  const gallery = await response.json();
  showGallery(gallery, askForSample);
  const first = gallery.samples.find(({ file }) => file === wanted) ?? gallery.samples.find(({ label }) => label === "defective");
  if (first && !session.asked) askForSample(first);
}

/** @param {File} file */
function askForFile(file) {
  const name = file.name || "The pasted image";
  if (file.size > IMAGE_LIMIT_BYTES) session.refuse(`${name} has ${megabytes(file.size)}; images up to ${megabytes(IMAGE_LIMIT_BYTES)} are accepted.`);
  else session.ask({ name, sample: null, read: async () => file });
}

/** @param {import("./protocol.js").Sample} sample */
function askForSample(sample) {
  const read = async () => {
    const response = await fetch(`gallery/${sample.file}`).catch(() => null);
    if (!response?.ok) throw new Error(`${sample.title} could not be downloaded.`);
    return response.blob();
  };
  session.ask({ name: sample.title, sample, read });
}
