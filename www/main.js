/**
 * Connects the parts of the page: the visitor's actions go to the session, the session changes the state, and the views show the state.
 * This script runs before the page is parsed and laid out, so that the download of the engine starts early.
 */

import { remember } from "./shared/address.js";
import { request } from "./shared/download.js";
import { fromFile, fromSample, tooLarge } from "./shared/images.js";
import { isolate } from "./shared/isolation.js";
import { isModel, modelOf } from "./shared/own-model.js";
import { Session } from "./shared/session.js";
import { INITIAL, createStore, message, rule, source, status, subject, verdict } from "./shared/state.js";
import { find } from "./shared/view/dom.js";
import { followView, openView } from "./shared/view/views.js";
import { assemble, leave } from "./try/view/assemble.js";
import { acceptFiles } from "./try/view/drop.js";
import { chooseEngine, showAbout, showBackend, showRanOn } from "./try/view/engine.js";
import { defaultSample, galleryOf, markPicked, showGallery } from "./try/view/gallery.js";
import { createModels } from "./try/view/models.js";
import { chooseView, showBlocks, showOpacity, showOverlay, showPanes, showView } from "./try/view/panes.js";
import { moveGamma, showGamma, showRecipe } from "./try/view/recipe.js";
import { offerPictures, showOffer } from "./try/view/save.js";
import { showBusy, showStatus } from "./try/view/status.js";
import { moveThreshold, showThreshold } from "./try/view/threshold.js";
import { showSubject, showVerdict } from "./try/view/verdict.js";

/** The maximum time that the page waits for the gallery. A gallery that needs longer is shown when it arrives. */
const GALLERY_PATIENCE_MS = 2000;

/** The maximum time that the demonstration of Fig. 1 and the small pictures wait for the first image. They wait because they would take computing time from it. */
const FIRST_IMAGE_PATIENCE_MS = 1000;

/** Parts of the page that are loaded after the first image; each function opens one part. */
const PARTS = [openHistogram, () => import("./try/inside.js"), () => import("./try/break.js"), () => import("./why/series.js"), () => import("./try/live.js"), () => import("./teach/teach.js"), () => import("./why/verdict.js"), () => import("./why/present.js"), () => import("./shared/offline.js")];

/** After a deployment, a page that is still open may fail to load its remaining parts. */
const PART_MISSING = "A part of this page could not be loaded: check the connection and reload the page.";

/** The time between two changes of the address. A browser allows fewer changes than a moving slider would cause. */
const ADDRESS_REST_MS = 250;

// The address may contain the backend, model and gallery image to start with, the criterion and the view.
const parameters = new URLSearchParams(location.search);
const store = createStore({ ...INITIAL, ...moved(parameters), view: parameters.get("view") === "swipe" ? "swipe" : "side" });
const session = new Session(store);
const isRead = new Promise((resolve) => (document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", resolve, { once: true }) : resolve(undefined)));

const backend = parameters.get("backend");
// Loading includes the request for the first image, so the status changes from working to ready only once.
const opening = Promise.race([openGalleries(parameters.get("model"), parameters.get("sample")), wait(GALLERY_PATIENCE_MS)]);
void session.load(backend === "webgpu" || backend === "wasm" ? backend : "auto", parameters.get("model"), opening);

const calm = Promise.race([firstResult(), wait(FIRST_IMAGE_PATIENCE_MS)]);
void isolate();
void isRead.then(wire);
void calm
  .then(() => isRead)
  .then(() => import("./why/idea.js"))
  .catch(missed);
void Promise.all([firstResult(), isRead]).then(openParts);

/** Connects the state to the views, and the visitor's actions to session and state. */
function wire() {
  store.watch((state) => [status(state), message(state), state.progress], showStatus);
  store.watch((state) => [state.detecting], showBusy);
  store.watch((state) => [state.subject?.sample ?? null], markPicked);
  store.watch((state) => [state.choice, state.loaded], showBackend);
  store.watch((state) => [source(state)], showRanOn);
  followView();
  const showModels = createModels(pickModel, (file) => void loadModel(file), calm);
  store.watch((state) => [state.models, state.model, state.galleries], (models, model, galleries) => {
    showModels(models, model, galleries);
    showGallery(galleryOf(galleries, models, model), galleries.length > 0 ? models : [], askForSample, calm);
    markPicked(store.get().subject?.sample ?? null);
  });
  store.watch((state) => [subject(state)], showSubject);
  store.watch((state) => [state.result, verdict(state), rule(state)], (result, verdict, rule) => showVerdict(result, verdict, rule, known(), otherModels()));
  store.watch((state) => [rule(state)], showThreshold);
  store.watch((state) => [state.result, verdict(state), rule(state)], showRecipe);
  store.watch((state) => [source(state)?.info, rule(state)], showGamma);
  store.watch((state) => [state.loaded?.info], showAbout);
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  store.watch((state) => [state.result], (result) => {
    if (!result) return;
    leave();
    showPanes(result.detection);
    const { division } = result.loaded.info;
    if (division && result.strokes.length === 0 && !still.matches) assemble(find("[data-testid=reconstruction]", HTMLCanvasElement), division);
  });
  store.watch((state) => [state.result?.detection, state.opacity], (detection, opacity) => detection && showOverlay(detection, opacity));
  store.watch((state) => [state.opacity], showOpacity);
  store.watch((state) => [state.blocks, source(state)?.info.division], showBlocks);
  store.watch((state) => [state.view], showView);
  store.watch((state) => [state.view === "swipe" ? state.result?.detection : undefined], (detection) => detection && void showSwipe(detection));
  store.watch((state) => [state.result !== null], showOffer);

  store.watch((state) => [state.choice, state.models, state.model, state.subject], rememberChoices);
  store.watch((state) => [state.view, state.threshold, rule(state)], whenAtRest(rememberMoved));

  offerPictures(() => store.get().result);
  chooseView((view) => store.send({ type: "view", view }));
  moveGamma((gamma) => store.send({ type: "gamma", gamma }), () => source(store.get())?.info.gamma);
  moveThreshold((threshold) => store.send({ type: "threshold", threshold }), () => rule(store.get()));
  acceptFiles(askForFiles, (message) => session.refuse(message));
  chooseEngine((choice) => void session.load(choice));
  find("#opacity", HTMLInputElement).addEventListener("input", ({ target }) => {
    if (target instanceof HTMLInputElement) store.send({ type: "opacity", opacity: Number(target.value) / 100 });
  });
  const blocks = find("#show-blocks", HTMLInputElement);
  store.send({ type: "blocks", blocks: blocks.checked }); // a browser may keep the choice of an earlier visit
  blocks.addEventListener("change", ({ target }) => {
    if (target instanceof HTMLInputElement) store.send({ type: "blocks", blocks: target.checked });
  });
}

/** Opens all parts. If one part fails to load, the other parts still work. */
function openParts() {
  for (const load of PARTS) load().then(({ open }) => open({ store, session })).catch(missed);
}

/** Loads the histogram, which needs a library for charts. */
function openHistogram() {
  return import("./try/view/histogram.js").then(({ createHistogram }) => ({
    open: () => void store.watch((state) => [source(state)?.info, rule(state), verdict(state)], createHistogram(find("#histogram", HTMLElement))),
  }));
}

/** @param {unknown} error */
function missed(error) {
  console.warn("A part of the page did not start.", error);
  session.refuse(PART_MISSING);
}

/** @param {number} time_ms */
function wait(time_ms) {
  return new Promise((resolve) => setTimeout(resolve, time_ms));
}

/** Resolves after the first result, or after the first failure. */
function firstResult() {
  return new Promise((resolve) => store.watch((state) => [status(state) === "working"], (isWorking) => isWorking || resolve(undefined)));
}

/**
 * Never fails, because the page also works without its gallery.
 * @param {string | null} model name of the model to begin with, null for the first
 * @param {string | null} wanted file of the image to begin with; if there is no such image, the first defective one
 */
async function openGalleries(model, wanted) {
  try {
    const response = await request("gallery/gallery.json", "the gallery");
    /** @type {{ galleries: import("./shared/types.js").Gallery[] }} */
    const { galleries } = await response.json();
    store.send({ type: "galleries", galleries });
    const { models, model: chosen } = store.get(); // the visitor may have chosen another model meanwhile
    const gallery = models.length > 0 ? galleryOf(galleries, models, chosen) : (galleries.find((gallery) => gallery.model === model) ?? (model ? undefined : galleries[0]));
    const first = gallery && (gallery.samples.find(({ file }) => file === wanted) ?? defaultSample(gallery));
    if (first && !session.asked && !list) askForSample(first);
  } catch (error) {
    console.warn("The page has no gallery.", error);
  }
}

/**
 * Stores the visitor's choices in the address, except the visitor's own images and models, which never leave the tab.
 * @param {import("./shared/types.js").BackendChoice} choice
 * @param {readonly import("./shared/types.js").ModelFile[]} models
 * @param {string} model
 * @param {import("./shared/state.js").Subject | null} subject
 */
function rememberChoices(choice, models, model, subject) {
  if (models.length === 0 || !subject) return; // the address still has values that the page has not read
  const name = models.find(({ file, weights }) => file === model && !weights)?.name ?? null;
  remember({
    backend: choice === "auto" ? null : choice,
    model: name === models[0]?.name ? null : name,
    sample: subject.sample?.file ?? null,
  });
}

/**
 * The γ and threshold that are in the address.
 * @param {URLSearchParams} parameters
 * @returns {import("./try/judgement.js").Moved}
 */
function moved(parameters) {
  const number = (/** @type {string} */ name) => (parameters.get(name) ? Number(parameters.get(name)) : NaN);
  const [gamma, threshold] = [number("gamma"), number("threshold")];
  const ofR = gamma >= 0 && gamma <= 1 ? gamma : null;
  return { gamma: ofR, threshold: Number.isFinite(threshold) ? { value: threshold, gamma: ofR } : null };
}

/**
 * @param {import("./shared/state.js").View} view
 * @param {import("./try/judgement.js").Threshold | null} threshold
 * @param {import("./try/judgement.js").Criterion | null} rule
 */
function rememberMoved(view, threshold, rule) {
  if (!rule) return; // the address still has values that the page has not read
  const brief = (/** @type {number} */ value) => String(Number(value.toPrecision(6)));
  const { models, model } = store.get();
  const isNamed = !models.find(({ file }) => file === model)?.weights; // the address has no model of this tab, and no γ or threshold that belongs to such a model
  remember({
    view: view === "side" ? null : view,
    gamma: isNamed && rule.gamma !== rule.ownGamma ? brief(rule.gamma) : null,
    threshold: isNamed && threshold ? brief(rule.threshold) : null,
  });
}

/**
 * @template {unknown[]} Input
 * @param {(...input: Input) => void} act
 */
function whenAtRest(act) {
  let timer = 0;
  return (/** @type {Input} */ ...input) => {
    clearTimeout(timer);
    timer = window.setTimeout(act, ADDRESS_REST_MS, ...input);
  };
}

/** @type {Promise<(detection: import("./shared/types.js").Detection) => void> | null} */
let swipe = null;

/** @param {import("./shared/types.js").Detection} detection */
async function showSwipe(detection) {
  try {
    swipe ??= import("./try/swipe.js").then(({ createSwipe }) => createSwipe(find("#swipe", HTMLElement)));
    (await swipe)(detection);
  } catch {
    swipe = null;
    store.send({ type: "view", view: "side" });
    session.refuse("The swipe could not be loaded: check the connection and reload the page.");
  }
}

/** @type {Promise<ReturnType<typeof import("./try/list.js").createList>> | null} */
let list = null;

/**
 * Shows one image at once; several images are shown as a list.
 * @param {[File, ...File[]]} files
 */
async function askForFiles(files) {
  openView("try");
  if (isModel(files[0])) return loadModel(files[0]);
  if (files.length === 1) return askForFile(files[0]);
  try {
    const { subject } = store.get();
    list ??= import("./try/list.js").then(({ createList }) => createList(store, session));
    (await list).add(files, store.get().subject === subject);
  } catch {
    list = null;
    session.refuse("The list of images could not be loaded: check the connection and reload the page.");
  }
}

/** A text that says which images the current model was trained on. */
function known() {
  const { galleries, models, model, loaded } = store.get();
  return galleryOf(galleries, models, model)?.knows ?? String(loaded?.info.provenance["data"] || "other images");
}

/** The models that the visitor has not chosen. */
function otherModels() {
  const { galleries, models, model } = store.get();
  return models.filter(({ file }) => file !== model).map(({ file, name }) => ({
    name: galleryOf(galleries, models, file)?.name ?? name,
    choose() {
      find(`#models [value="${CSS.escape(file)}"]`, HTMLInputElement).focus(); // the link disappears, and the focus with it
      pickModel(file);
    },
  }));
}

/**
 * Loads another model. The visitor's own image stays; a sample of the page is replaced by a sample of the new model.
 * @param {string} file
 */
function pickModel(file) {
  picks++;
  const { choice, galleries, models, subject } = store.get();
  void session.load(choice, file);
  const gallery = galleryOf(galleries, models, file);
  const first = gallery && defaultSample(gallery);
  if (subject?.sample && first) askForSample(first);
}

/** The number of times that the visitor chose a model. */
let picks = 0;

/** @param {File} file */
async function loadModel(file) {
  const own = ++picks;
  try {
    const model = await modelOf(file);
    if (own === picks) await session.adopt(model); // unless the visitor chose another one while the file was read
  } catch {
    if (own === picks) session.refuse(`${file.name} could not be read: it was changed or removed after it was chosen.`);
  }
}

/** @param {File} file */
function askForFile(file) {
  const refused = tooLarge(file);
  if (refused) session.refuse(refused);
  else session.ask(fromFile(file));
}

/** @param {import("./shared/types.js").Sample} sample */
function askForSample(sample) {
  session.ask(fromSample(sample));
}
