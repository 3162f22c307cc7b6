/** Live sources: a camera or a video file, judged frame by frame as fast as the engine can. Other frames are dropped, never queued. */

import { closeCamera, openCamera, why } from "../shared/camera.js";
import { sentence } from "../shared/format.js";
import { criterion, judge } from "./judgement.js";
import { INITIAL, reduce } from "./live/state.js";
import { createLive } from "./view/live.js";

/** @typedef {import("./live/state.js").Event} Event */

/** @param {{ store: ReturnType<typeof import("../shared/state.js").createStore>, session: import("../shared/session.js").Session }} page */
export function open({ store, session }) {
  let state = INITIAL;
  /** The number of the current source. It rises with each source; frames of earlier sources are dropped. */
  let turn = 0;
  /** Whether loading the engine failed; then it is not tried again with every frame. */
  let isStuck = false;
  /** The criterion of the current model; the card may still show a result of another model. @type {import("./judgement.js").Criterion | null} */
  let rule = null;
  const view = createLive({ onCamera: () => void takeCamera(), onFile: (file) => void openFile(file), onStop: close });
  const { video } = view;

  /** @param {Event} event */
  function send(event) {
    state = reduce(state, event);
    show();
  }

  function show() {
    view.show(state, rule?.threshold ?? null);
  }

  async function takeCamera() {
    const own = ++turn;
    release();
    send({ type: "opened", kind: "camera", name: "the camera" });
    try {
      const stream = await openCamera();
      if (own !== turn) return closeCamera(stream); // the visitor stopped the camera before it started
      video.srcObject = stream;
      for (const track of stream.getTracks()) track.addEventListener("ended", () => stopped(own));
      await play(own);
    } catch (error) {
      failed(own, why(error, "the camera"));
    }
  }

  /** The frame that is judged at the moment is dropped, because its result would remove the message. @param {number} own */
  function stopped(own) {
    if (own !== turn) return;
    turn++;
    send({ type: "failed", message: "The camera has stopped." });
  }

  /** @param {File} file */
  async function openFile(file) {
    const own = ++turn;
    release();
    send({ type: "opened", kind: "video", name: file.name });
    try {
      video.src = URL.createObjectURL(file);
      await play(own);
    } catch (error) {
      failed(own, why(error, file.name));
    }
  }

  /** @param {number} own @param {string} message */
  function failed(own, message) {
    if (own !== turn) return;
    release();
    send({ type: "failed", message });
  }

  function close() {
    turn++;
    release();
    send({ type: "closed" });
  }

  /** Stops the camera, or releases the file. */
  function release() {
    if (video.srcObject instanceof MediaStream) closeCamera(video.srcObject);
    if (video.src) URL.revokeObjectURL(video.src);
    video.srcObject = null;
    video.removeAttribute("src");
    video.load();
  }

  /** @param {number} own */
  async function play(own) {
    await video.play();
    if (own !== turn) return;
    if (video.videoWidth === 0) {
      video.pause();
      return send({ type: "failed", message: `There is no picture in ${state.name}: it is sound alone.` });
    }
    isStuck = false;
    let isBusy = false;
    let seen = 0;
    const onFrame = async (/** @type {{ presentedFrames: number, mediaTime: number }} */ { presentedFrames, mediaTime }) => {
      if (own !== turn) return;
      nextFrame(video, onFrame);
      send({ type: "seen", frames: presentedFrames - seen });
      seen = presentedFrames;
      if (isBusy || isStuck) return;
      isBusy = true;
      try {
        const detection = await session.judgeAside({ name: state.name, read: async () => grab() });
        if (own === turn) {
          view.draw(detection);
          send({ type: "judged", at_s: mediaTime, score: scoreOf(detection), unfamiliarity: detection.unfamiliarity });
        }
      } catch (error) {
        isStuck = true;
        if (own === turn) send({ type: "failed", message: sentence(error) });
      }
      isBusy = false;
    };
    nextFrame(video, onFrame);
  }

  /** The score with the visitor's γ. @param {import("../shared/types.js").Detection} detection */
  function scoreOf(detection) {
    const info = store.get().loaded?.info;
    return info && rule ? judge(detection, info, rule).score : detection.score;
  }

  /** The current frame in full size. Only the engine resizes, so that a frame gets the same score as the same image in a file. */
  function grab() {
    const [width, height] = [video.videoWidth, video.videoHeight];
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    if (!context) throw new Error("This browser has no canvas to take frames with.");
    context.drawImage(video, 0, 0);
    return context.getImageData(0, 0, width, height);
  }

  store.watch((state) => [state.loaded, state.gamma, state.threshold], (loaded, gamma, threshold) => {
    isStuck = false;
    rule = loaded && criterion(loaded.info, { gamma, threshold });
    show();
  });
}

/**
 * Calls `then` for the video's next frame. If the browser does not report new frames, this checks at each redraw of the screen whether the video's time has changed.
 * @param {HTMLVideoElement} video
 * @param {(frame: { presentedFrames: number, mediaTime: number }) => void} then
 */
function nextFrame(video, then) {
  const tells = "requestVideoFrameCallback"; // Firefox has it since 132
  if (typeof video[tells] === "function") return void video.requestVideoFrameCallback((_, frame) => then(frame));
  const shown = video.currentTime;
  const look = () => (video.currentTime === shown ? void requestAnimationFrame(look) : then({ presentedFrames: Math.round(video.currentTime * 60), mediaTime: video.currentTime }));
  requestAnimationFrame(look);
}
