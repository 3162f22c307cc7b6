/** "Teach it your own": a small network learns from the visitor's own images, in a worker of its own. Loaded after the first image is judged. */

import { train, untrainable } from "daad/train";
import { closeCamera, openCamera, why } from "../shared/camera.js";
import { sentence } from "../shared/format.js";
import { fromFile, tooLarge } from "../shared/images.js";
import { ownModel } from "../shared/own-model.js";
import { FRAME_MS, fromFiles, fromFrame, fromPieces } from "./intake.js";
import { INITIAL, MOST, isBusy, obstacle, reduce } from "./state.js";
import { save } from "../try/view/save.js";
import { createTeach } from "./view/teach.js";

/** The number of frames after which the camera stops by itself. */
const MOST_FRAMES = 60;

/** @param {{ session: import("../shared/session.js").Session, store: ReturnType<typeof import("../shared/state.js").createStore> }} page */
export function open({ session, store }) {
  let state = { ...INITIAL, unteachable: obstacleHere() };
  /** @type {import("daad/train").Training | null} */
  let run = null;
  /** Aborted when the visitor cancels the training run. */
  let giveUp = new AbortController();
  /** The model of the last training run. @type {Promise<import("../shared/types.js").ModelFile> | null} */
  let taught = null;
  let models = 0;
  let drawing = 0;
  /** The number of times that all photos were removed. */
  let cleared = 0;
  /** The number of times that the camera was started. */
  let turn = 0;

  /** @param {import("./state.js").Event} event */
  function send(event) {
    state = reduce(state, event);
    drawing ||= requestAnimationFrame(() => {
      drawing = 0;
      view.show(state);
    });
    if (event.type === "cleared") cleared++;
  }

  const view = createTeach(send, {
    files: (files) => read(() => fromFiles(files, held())),
    pieces: async (file, part, count) => {
      try {
        await read(() => fromPieces(file, part, count, held()), true);
      } catch (error) {
        send({ type: "noticed", notice: sentence(error) });
      }
    },
    camera: (isWanted) => (isWanted ? void record() : send({ type: "camera", camera: false })),
    start: () => {
      if (obstacle(state) || isBusy(state)) return;
      const { photos, rate, seconds, isTexture } = state;
      const before = store.get().subject;
      send({ type: "started" });
      const { signal } = (giveUp = new AbortController());
      const own = train(photos.map(({ picture }) => picture), { backend: session.choice, division: rate, flips: isTexture, seconds, description: `${photos.length} images of the visitor's own`, signal, onProgress: send });
      run = own;
      own.model.then(
        (weights) => {
          send({ type: "finished", weights });
          void adopt(weights, before);
        },
        (error) => signal.aborted || send({ type: "failed", message: sentence(error) }),
      );
    },
    pause: () => {
      const isPaused = state.phase === "paused";
      if (isPaused) run?.resume();
      else run?.pause();
      send({ type: isPaused ? "resumed" : "paused" });
    },
    finish: () => run?.finish(),
    giveUp: () => {
      giveUp.abort();
      send({ type: "given-up" });
    },
    test: (label, files) => void test(label, files),
    use: () => void taught?.then(choose),
    save: () => state.weights && save(new Blob([state.weights], { type: "application/octet-stream" }), "my-model.safetensors"),
  });

  /** The bytes of all photos. */
  function held() {
    return state.photos.reduce((sum, { picture }) => sum + picture.byteLength, 0);
  }

  /** Adds photos, unless the training run began while they were read. @param {{ photos: import("./state.js").Photo[], notice: string }} taken */
  function take({ photos, notice }, isTexture = false) {
    if (!isBusy(state)) send({ type: "added", photos, notice, isTexture });
  }

  /**
   * Adds photos when they are read, unless the visitor has removed all photos meanwhile.
   * @param {() => ReturnType<typeof fromFiles>} from
   */
  async function read(from, isTexture = false) {
    const own = cleared;
    const taken = await from();
    if (own !== cleared) return;
    if (isBusy(state)) send({ type: "noticed", notice: "It learns already: the images that were still being read are left out." });
    else take(taken, isTexture);
  }

  /** Records frames of the camera until there are enough, or the visitor stops it. */
  async function record() {
    const own = ++turn;
    const { video } = view;
    send({ type: "camera", camera: true });
    /** @type {MediaStream | null} */
    let stream = null;
    let notice = "";
    try {
      stream = await openCamera();
      if (own !== turn || !state.camera) return closeCamera(stream); // the visitor stopped the camera before it started
      video.srcObject = stream;
      await video.play();
      for (let frame = 1; own === turn && state.camera && stream.active && frame <= MOST_FRAMES && state.photos.length < MOST; frame++) {
        take({ photos: [await fromFrame(video, frame)], notice: "" });
        await new Promise((resolve) => setTimeout(resolve, FRAME_MS));
      }
      if (state.camera && !stream.active) notice = "The camera has stopped.";
    } catch (error) {
      notice = why(error, "the camera");
    }
    closeCamera(stream);
    if (own !== turn) return;
    video.srcObject = null;
    send({ type: "camera", camera: false });
    if (notice) send({ type: "noticed", notice });
  }

  /**
   * From now on the page judges with the trained model, first one of the images that it was trained on.
   * @param {Uint8Array<ArrayBuffer>} weights
   * @param {import("../shared/state.js").Subject | null} before the image on the card when the training run began
   */
  async function adopt(weights, before) {
    const number = ++models > 1 ? ` ${models}` : "";
    taught = ownModel(`My model${number}, taught here`, weights);
    void session.adopt(await taught);
    const [photo] = state.photos;
    const isNewer = store.get().subject !== before; // the visitor chose another image meanwhile
    if (photo && !isNewer) session.ask({ name: photo.name, sample: null, read: async () => photo.picture.slice().buffer });
  }

  /** Makes the page judge with the trained model, if the visitor chose another one meanwhile. @param {import("../shared/types.js").ModelFile} model */
  function choose(model) {
    const { model: current, models } = store.get();
    if (current === model.file) return;
    const isListed = models.some(({ file }) => file === model.file); // a model that could not be loaded is not
    void (isListed ? session.load(session.choice, model.file) : session.adopt(model));
  }

  /**
   * Judges test images that the visitor has labelled. Then the view "Try" shows the last one.
   * @param {import("../shared/types.js").Label} label
   * @param {File[]} files
   */
  async function test(label, files) {
    const { weights } = state;
    const model = await taught;
    if (!model) return;
    const { subject } = store.get();
    /** @type {import("../shared/session.js").Wanted | null} */
    let last = null;
    for (const file of files) {
      const refused = tooLarge(file);
      try {
        if (refused) throw new Error(refused);
        const wanted = fromFile(file);
        choose(model);
        const { verdict, score, heatMap, input, width, height } = await session.judgeAside(wanted);
        if (state.weights !== weights || store.get().model !== model.file) return; // another model was trained or chosen meanwhile
        send({ type: "tested", tested: { label, name: wanted.name, verdict, score, picture: { input, heatMap, width, height } } });
        last = wanted;
      } catch (error) {
        send({ type: "noticed", notice: sentence(error) });
      }
    }
    if (last && store.get().subject === subject) session.ask(last); // unless the visitor chose another image meanwhile
  }

  view.show(state);
}

/** Why this page cannot train, as a sentence; "" if it can. */
function obstacleHere() {
  const reason = untrainable();
  return reason && `${reason} Reload the page; if this sentence stays, the browser or the address does not allow it.`;
}
