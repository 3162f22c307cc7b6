/** The view of a training run: the sources of images, the images, the progress, and the trained model. */

import { significant } from "../../shared/format.js";
import { hasLearned, isBusy, isRight, message, obstacle, outcome, secondsLeft, tally, whyNotTaken } from "../state.js";
import { find, make, put } from "../../shared/view/dom.js";
import { createLoss } from "./loss.js";
import { blend, paint } from "../../try/view/panes.js";

/**
 * @typedef {import("../state.js").State} State
 * @typedef {import("../state.js").Photo} Photo
 *
 * @typedef {object} Visitor the visitor's actions that do more than change the state
 * @property {(files: File[]) => void} files
 * @property {(file: File, part: number, count: number) => void} pieces
 * @property {(isWanted: boolean) => void} camera
 * @property {() => void} start
 * @property {() => void} pause
 * @property {() => void} finish
 * @property {() => void} giveUp
 * @property {(label: import("../../shared/types.js").Label, files: File[]) => void} test
 * @property {() => void} use
 * @property {() => void} save
 */

/**
 * @param {(event: import("../state.js").Event) => void} send
 * @param {Visitor} visitor
 */
export function createTeach(send, visitor) {
  const card = find("#teach", HTMLElement);
  const video = find("#teach-video", HTMLVideoElement);
  const list = find("#teach-photos", HTMLElement);
  const [files, picture] = [find("#teach-files", HTMLInputElement), find("#teach-picture", HTMLInputElement)];
  const [rate, time] = [find("#teach-rate", HTMLSelectElement), find("#teach-time", HTMLSelectElement)];
  const buttons = {
    camera: find("#teach-camera", HTMLButtonElement),
    clear: find("#teach-clear", HTMLButtonElement),
    start: find("#teach-start", HTMLButtonElement),
    pause: find("#teach-pause", HTMLButtonElement),
    finish: find("#teach-finish", HTMLButtonElement),
    giveUp: find("#teach-give-up", HTMLButtonElement),
    save: find("#teach-save", HTMLButtonElement),
    again: find("#teach-again", HTMLButtonElement),
  };
  const showLosses = createLoss(find("#teach-loss", HTMLElement));
  /** The thumbnail of each image. @type {Map<Photo, HTMLElement>} */
  let thumbs = new Map();
  /** @type {State | null} */
  let shown = null;

  files.addEventListener("change", () => {
    const chosen = [...(files.files ?? [])];
    files.value = ""; // otherwise choosing the same files again would cause no event
    if (chosen.length > 0) visitor.files(chosen);
  });
  picture.addEventListener("change", () => {
    const [file] = picture.files ?? [];
    picture.value = "";
    if (file) visitor.pieces(file, Number(find("#teach-part", HTMLSelectElement).value), Number(find("#teach-count", HTMLSelectElement).value));
  });
  // What a visitor chose before this script was loaded.
  for (const field of [files, picture]) if (field.files?.length) queueMicrotask(() => field.dispatchEvent(new Event("change")));
  for (const [id, label] of /** @type {const} */ ([["good", "normal"], ["bad", "defective"]])) {
    const input = find(`#teach-${id}`, HTMLInputElement);
    input.addEventListener("change", () => {
      const chosen = [...(input.files ?? [])];
      input.value = "";
      visitor.test(label, chosen);
    });
    input.parentElement?.addEventListener("drop", (event) => {
      event.preventDefault();
      visitor.test(label, [...(event.dataTransfer?.files ?? [])]);
    });
  }
  card.addEventListener("dragover", (event) => event.preventDefault());
  card.addEventListener("drop", (event) => {
    if (event.defaultPrevented) return; // dropped on "good ones" or "bad ones"
    event.preventDefault();
    const dropped = [...(event.dataTransfer?.files ?? [])];
    if (dropped.length === 0 || !shown) return;
    const refusal = whyNotTaken(shown);
    if (refusal) send({ type: "noticed", notice: refusal });
    else visitor.files(dropped);
  });
  rate.addEventListener("change", () => send({ type: "rate", rate: Number(rate.value) }));
  time.addEventListener("change", () => send({ type: "duration", seconds: Number(time.value) }));
  buttons.camera.addEventListener("click", () => visitor.camera(!shown?.camera));
  buttons.clear.addEventListener("click", () => {
    send({ type: "cleared" });
    files.focus(); // the button is disabled now, and a disabled button loses the focus
  });
  buttons.start.addEventListener("click", visitor.start);
  buttons.pause.addEventListener("click", visitor.pause);
  buttons.finish.addEventListener("click", visitor.finish);
  buttons.giveUp.addEventListener("click", visitor.giveUp);
  buttons.save.addEventListener("click", visitor.save);
  find("#teach-use", HTMLElement).addEventListener("click", visitor.use);
  buttons.again.addEventListener("click", () => {
    send({ type: "again" });
    requestAnimationFrame(() => requestAnimationFrame(() => buttons.start.focus()));
  });

  /** @param {Photo} photo */
  function thumbOf(photo) {
    const canvas = make("canvas", { width: photo.thumb.width, height: photo.thumb.height });
    canvas.getContext("2d")?.drawImage(photo.thumb, 0, 0);
    photo.thumb.close(); // each is drawn once
    const button = make("button", { type: "button", title: `Remove ${photo.name}` }, canvas);
    button.setAttribute("aria-label", button.title);
    button.dataset["testid"] = "teach-photo";
    button.addEventListener("click", () => {
      const next = button.nextElementSibling ?? button.previousElementSibling ?? files;
      send({ type: "removed", id: photo.id });
      if (next instanceof HTMLElement) next.focus();
    });
    return button;
  }

  /** @param {State} state */
  function showPhotos(state) {
    if (shown?.photos !== state.photos) {
      const kept = new Map(state.photos.map((photo) => [photo, thumbs.get(photo) ?? thumbOf(photo)]));
      for (const [photo, thumb] of thumbs) if (!kept.has(photo)) thumb.remove();
      for (const [photo, thumb] of kept) if (!thumbs.has(photo)) list.append(thumb);
      thumbs = kept;
    }
    put("#teach-number", state.photos.length === 1 ? "1 image" : `${state.photos.length} images`);
    put("#teach-notice", state.notice);
  }

  /** @param {State} state */
  function showTraining(state) {
    if (shown?.losses !== state.losses || shown.seconds !== state.seconds) showLosses(state.losses, state.seconds);
    const last = state.losses.at(-1);
    const left = secondsLeft(state);
    put("#teach-last", last ? significant(last.loss, 2) : "–");
    put("#teach-left", left === null || state.phase === "done" ? "–" : clock(left));
    put("#teach-epochs", last ? String(Math.floor(last.epochs)) : "–");
    put("#teach-speed", last ? `${significant(state.imagesPerSecond, 2)} images/s on ${state.trainer}` : "–");
    put("#teach-engine-note", state.engineNote);
    find("#teach-engine-note", HTMLElement).hidden = !state.engineNote;
    if (shown?.rebuilt === state.rebuilt) return;
    for (const [at, figure] of document.querySelectorAll("#teach-rebuilt figure").entries()) {
      const rebuilt = state.rebuilt[at];
      const [input, reconstruction] = figure.querySelectorAll("canvas");
      if (!input || !reconstruction) continue;
      draw(input, rebuilt, rebuilt?.input);
      draw(reconstruction, rebuilt, rebuilt?.reconstruction);
    }
  }

  return {
    video,
    /** @param {State} state */
    show(state) {
      const busy = isBusy(state);
      const isLearning = state.phase === "learning" || state.phase === "paused";
      const wasFocused = document.activeElement;
      card.dataset["phase"] = state.phase;
      for (const field of [files, picture, rate, time]) field.disabled = busy;
      for (const photo of list.children) if (photo instanceof HTMLButtonElement) photo.disabled = busy;
      video.hidden = !state.camera;
      put("#teach-camera", state.camera ? "Stop the camera" : "Use the camera");
      buttons.camera.disabled = busy;
      buttons.clear.disabled = busy || state.photos.length === 0;
      buttons.start.disabled = busy || obstacle(state) !== "";
      rate.value = String(state.rate);
      time.value = String(state.seconds);
      put("#teach-pause", state.phase === "paused" ? "Go on" : "Pause");
      buttons.pause.disabled = buttons.finish.disabled = !isLearning;
      buttons.giveUp.disabled = !busy;
      buttons.save.disabled = state.weights === null;
      showPhotos(state);
      showTraining(state);
      const said = find("#teach-said", HTMLElement);
      put("#teach-said", message(state));
      said.dataset["verdict"] = state.error || (state.phase === "done" && !hasLearned(state)) ? "defect" : state.phase === "done" ? "normal" : "";
      if (wasFocused === buttons.start && busy) buttons.giveUp.focus();
      if (state.phase === "collecting" && wasFocused?.closest(".teach-learn")) buttons.start.focus(); // the focused button is hidden now
      card.classList.toggle("empty", state.photos.length === 0);
      put("#teach-tally", tally(state));
      if (shown?.tested !== state.tested) showTested(state.tested);
      find("#teach-use", HTMLElement).classList.toggle("first", state.tested.length > 0);
      if (state.phase === "done" && shown && shown.phase !== "done" && (card.contains(wasFocused) || wasFocused === document.body)) find("#teach-good", HTMLInputElement).focus({ preventScroll: true });
      shown = state;
    },
  };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {import("daad/train").Rebuilt | undefined} rebuilt
 * @param {Uint8ClampedArray<ArrayBuffer> | undefined} pixels
 */
function draw(canvas, rebuilt, pixels) {
  canvas.style.visibility = rebuilt ? "" : "hidden";
  if (rebuilt && pixels) paint(canvas, pixels, rebuilt.width, rebuilt.height);
}

/** Shows the good ones and the bad ones in a row each, in both those that it judges wrongly first. @param {readonly import("../state.js").Tested[]} tested */
function showTested(tested) {
  for (const [id, label] of /** @type {const} */ ([["#teach-tested-good", "normal"], ["#teach-tested-bad", "defective"]])) {
    const row = find(id, HTMLElement);
    const ofLabel = tested.filter((one) => one.label === label);
    const [wrong, right] = [ofLabel.filter((one) => !isRight(one)), ofLabel.filter(isRight)];
    row.replaceChildren(...[...wrong.reverse(), ...right.reverse()].map(figureOf)); // the newest first
  }
}

/** The figure of each image, which is drawn once. @type {WeakMap<import("../state.js").Tested, HTMLElement>} */
const figures = new WeakMap();

/** @param {import("../state.js").Tested} one */
function figureOf(one) {
  const known = figures.get(one);
  if (known) return known;
  const { label, name, verdict, picture: { input, heatMap, width, height } } = one;
  const canvas = make("canvas");
  paint(canvas, blend(input, heatMap, 0.7), width, height);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${name} with its heat map`);
  const figure = make("figure", { title: name }, canvas, make("figcaption", { textContent: outcome(label, verdict) }));
  figure.dataset["right"] = String(isRight(one));
  figures.set(one, figure);
  return figure;
}

/** @param {number} time_s */
function clock(time_s) {
  const seconds = Math.max(0, Math.ceil(time_s));
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
