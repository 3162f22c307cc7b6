/**
 * `<daad-detector model="model.safetensors">`: drop an image, choose or paste one, and see its heat map and score.
 *
 * Attributes and properties: `model`, the address of a model file, and `backend`. Events: `load`, the detector is ready; `change`, a result, which is
 * the event's `detail` and the element's `detection`; `error`, whose `detail` is the error. The element takes the text colour, the font and the
 * width from its parent element.
 */

import { Detector } from "./detector.js";

export { Detector } from "./detector.js";
export { DaadError } from "./errors.js";

const STYLE = `
  :host { display: block; max-inline-size: 32rem; }
  :host([hidden]), [hidden] { display: none !important; }
  .drop { position: relative; display: grid; place-items: center; min-block-size: 12rem; border: 2px dashed color-mix(in srgb, currentColor 35%, transparent); border-radius: .75rem; cursor: pointer; overflow: hidden; text-align: center; }
  .drop.over { border-style: solid; background: color-mix(in srgb, currentColor 8%, transparent); }
  .drop:focus-within { outline: 3px solid Highlight; outline-offset: 2px; }
  .drop span { padding: 1rem; }
  .drop canvas { display: none; inline-size: 100%; }
  .drop.full { border: 0; }
  .drop.full span { display: none; }
  .drop.full canvas { display: block; }
  .drop input { position: absolute; inset: 0; opacity: 0; inline-size: 100%; block-size: 100%; cursor: pointer; }
  .under { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: center; justify-content: space-between; margin-block-start: .5rem; min-block-size: 1.75rem; }
  .heat { display: flex; gap: .5rem; align-items: center; font-size: .875em; }
  output { font-variant-numeric: tabular-nums; }
  output b { color: light-dark(#1b6e2d, #81c995); }
  output b.anomalous { color: light-dark(#b3261e, #ff8a80); }
`;

const PAGE = `
  <label class="drop" part="drop"><span>Drop an image here, or choose one</span><canvas part="heat-map"></canvas><input type="file" accept="image/*" aria-label="Image"></label>
  <div class="under"><output part="result" aria-live="polite"></output><label class="heat" hidden>Heat map <input type="range" min="0" max="100" value="60"></label></div>
`;

/** On a host without pages, such as a server, this module may be imported but not used. @type {typeof HTMLElement} */
const Base = globalThis.HTMLElement ?? class {};

export class DaadDetectorElement extends Base {
  static observedAttributes = ["model", "backend"];

  /** The last result, null before the first. @type {import("./types.js").Detection | null} */
  detection = null;
  /** @type {Promise<Detector> | null} */
  #detector = null;
  #loading = new AbortController();
  #ticket = 0;
  /** The error of loading that the page was told. @type {unknown} */
  #told = null;
  #root = this.attachShadow({ mode: "open", delegatesFocus: true });
  #opacity = 0.6;

  constructor() {
    super();
    const style = new CSSStyleSheet();
    style.replaceSync(STYLE);
    this.#root.adoptedStyleSheets = [style];
    this.#root.innerHTML = PAGE;
    this.#drop.addEventListener("dragover", (event) => {
      event.preventDefault();
      this.#drop.classList.add("over");
    });
    for (const type of ["dragleave", "drop"]) this.#drop.addEventListener(type, () => this.#drop.classList.remove("over"));
    this.#drop.addEventListener("drop", (event) => {
      event.preventDefault();
      const file = /** @type {DragEvent} */ (event).dataTransfer?.files[0];
      if (file) void this.detect(file);
    });
    this.#drop.addEventListener("paste", (event) => {
      const file = /** @type {ClipboardEvent} */ (event).clipboardData?.files[0];
      if (file) void this.detect(file);
    });
    const input = this.#find('input[type="file"]', HTMLInputElement);
    input.addEventListener("change", (event) => {
      event.stopPropagation(); // the element sends its own event, which has the result
      const [file] = input.files ?? [];
      input.value = ""; // otherwise choosing the same file again would cause no event
      if (file) void this.detect(file);
    });
    const range = this.#find('input[type="range"]', HTMLInputElement);
    range.addEventListener("input", () => {
      this.#opacity = Number(range.value) / 100;
      this.#draw();
    });
    range.addEventListener("change", (event) => event.stopPropagation());
  }

  connectedCallback() {
    void this.#load();
  }

  disconnectedCallback() {
    queueMicrotask(() => this.isConnected || this.#unload()); // not if the element was only moved within the page
  }

  attributeChangedCallback() {
    if (!this.isConnected && !this.#detector) return;
    this.#unload();
    this.#clear();
    if (this.isConnected) void this.#load();
  }

  /** The address of the model file. */
  get model() {
    return this.getAttribute("model") ?? "";
  }

  set model(address) {
    this.setAttribute("model", address);
  }

  /** "auto", "webgpu" or "wasm". */
  get backend() {
    return this.getAttribute("backend") ?? "auto";
  }

  set backend(backend) {
    this.setAttribute("backend", backend);
  }

  /** The detector, once it is loaded; null without a `model`. */
  get detector() {
    return this.#detector;
  }

  /**
   * Scores an image, as if it had been dropped.
   * @param {import("./types.js").ImageSource} image
   * @returns {Promise<import("./types.js").Detection | null>} null if the image could not be scored (the element shows the reason), or if another image came or the model was changed meanwhile
   */
  async detect(image) {
    const ticket = ++this.#ticket;
    this.#say("Working …");
    try {
      const detector = await (this.#detector ?? this.#load());
      if (!detector) return null;
      const detection = await detector.detect(image);
      if (ticket !== this.#ticket) return null;
      this.detection = detection;
      this.#show(detection);
      this.#tellPage("change", detection);
      return detection;
    } catch (error) {
      if (ticket !== this.#ticket) return null;
      this.#clear();
      this.#say(error instanceof Error ? error.message : String(error));
      if (error !== this.#told) this.#tellPage("error", error);
      return null;
    }
  }

  /** @returns {Promise<Detector> | null} */
  #load() {
    const model = this.getAttribute("model");
    if (!model) {
      this.#say('Say which model to use: model="model.safetensors".');
      return null;
    }
    if (this.#detector) return this.#detector;
    const backend = /** @type {"auto"} */ (this.getAttribute("backend") ?? "auto");
    const { signal } = (this.#loading = new AbortController());
    const detector = Detector.load(new URL(model, document.baseURI), { backend, signal, onProgress: (progress) => this.#say(loading(progress)) });
    this.#detector = detector;
    detector.then(
      (loaded) => {
        this.#say("");
        this.#tellPage("load", loaded);
      },
      (error) => {
        if (this.#detector === detector) this.#detector = null; // so that the next image tries again
        if (signal.aborted) return;
        this.#say(error.message);
        this.#told = error;
        this.#tellPage("error", error);
      },
    );
    return detector;
  }

  #unload() {
    this.#ticket++; // a result of the earlier model is not wanted any more
    this.#loading.abort();
    this.#detector?.then((detector) => detector.close(), () => {});
    this.#detector = null;
  }

  /** Removes the earlier result, so that nobody takes it for the result of the next image. */
  #clear() {
    this.detection = null;
    this.#drop.classList.remove("full");
    this.#find(".heat", HTMLElement).hidden = true;
  }

  /** @param {"load" | "change" | "error"} type @param {unknown} detail */
  #tellPage(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: type === "change", composed: true }));
  }

  /** @param {import("./types.js").Detection} detection */
  #show(detection) {
    this.#drop.classList.add("full");
    this.#find(".heat", HTMLElement).hidden = false;
    this.#draw();
    this.#tell(detection);
  }

  #draw() {
    if (!this.detection) return;
    const { input, heatMap, width, height } = this.detection;
    const canvas = this.#find("canvas", HTMLCanvasElement);
    Object.assign(canvas, { width, height });
    const blended = input.map((value, at) => value + (/** @type {number} */ (heatMap[at]) - value) * this.#opacity);
    canvas.getContext("2d")?.putImageData(new ImageData(blended, width, height), 0, 0);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", "The image with its heat map");
  }

  /** @param {import("./types.js").Detection} detection */
  #tell({ score, threshold, verdict, note }) {
    const word = document.createElement("b");
    word.className = verdict;
    word.textContent = { normal: "Normal", anomalous: "Anomalous", unfamiliar: "Unlike anything this model has learned" }[verdict];
    this.#output.replaceChildren(word, ` score ${score.toFixed(3)}, threshold ${threshold.toFixed(3)} ${note}`);
  }

  /** @param {string} text */
  #say(text) {
    this.#output.replaceChildren(text);
  }

  get #drop() {
    return this.#find(".drop", HTMLElement);
  }

  get #output() {
    return this.#find("output", HTMLElement);
  }

  /**
   * @template {Element} T
   * @param {string} selector
   * @param {new () => T} kind
   */
  #find(selector, kind) {
    const found = this.#root.querySelector(selector);
    if (!(found instanceof kind)) throw new Error(`there is no ${selector}`);
    return found;
  }
}

/** @param {import("./types.js").Progress} progress */
function loading({ stage, loadedBytes, totalBytes }) {
  if (stage === "starting") return "Starting …";
  return `Loading … ${totalBytes ? `${Math.floor((100 * loadedBytes) / totalBytes)} %` : `${(loadedBytes / 1e6).toFixed(1)} MB`}`;
}

if (globalThis.customElements && !customElements.get("daad-detector")) customElements.define("daad-detector", DaadDetectorElement);
