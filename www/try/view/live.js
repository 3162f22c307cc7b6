/** The card of a live source: the video, the error map, the smoothed score, and the chart of each frame's score and the smoothed score. */

import * as format from "../../shared/format.js";
import { WINDOW_S, current, speed, verdict } from "../live/state.js";
import { createChart, look } from "../../shared/view/chart.js";
import { find, put } from "../../shared/view/dom.js";
import { blend, paint } from "./panes.js";

/** The opacity of the error map over the frame. */
const OPACITY = 0.75;

/**
 * @param {{ onCamera: () => void, onFile: (file: File) => void, onStop: () => void }} visitor
 */
export function createLive({ onCamera, onFile, onStop }) {
  const card = find("#live", HTMLElement);
  const video = find("#live-video", HTMLVideoElement);
  const map = find("#live-map", HTMLCanvasElement);
  const camera = find("#live-camera", HTMLButtonElement);
  const input = find("#live-file", HTMLInputElement);
  /** Created with the first scores. @type {import("uplot") | null} */
  let chart = null;
  let threshold = NaN;

  camera.disabled = input.disabled = false; // disabled until this script is loaded
  camera.addEventListener("click", onCamera);
  input.addEventListener("change", () => {
    const [file] = input.files ?? [];
    input.value = ""; // otherwise choosing the same file again would cause no event
    if (file) onFile(file);
  });
  find("#live-stop", HTMLButtonElement).addEventListener("click", () => {
    onStop();
    camera.focus(); // the "Stop" button is hidden now, and a hidden button loses the focus
  });

  return {
    video,
    /** @param {import("../../shared/types.js").Detection} detection */
    draw({ input, heatMap, width, height }) {
      paint(map, blend(input, heatMap, OPACITY), width, height);
    },
    /**
     * @param {import("../live/state.js").State} state
     * @param {number | null} limit
     */
    show(state, limit) {
      const wasHidden = card.hidden;
      card.hidden = state.kind === null;
      if (state.kind === null) return;
      if (wasHidden) card.scrollIntoView({ block: "nearest" });
      threshold = limit ?? NaN;
      video.controls = state.kind === "video";
      find("#live-title", HTMLElement).textContent = `Live: ${format.shorten(state.name)}`;
      const score = current(state);
      const word = verdict(state, limit);
      card.dataset.verdict = word ?? "none";
      put("#live-verdict", state.error || (word ? format.capital(word) : "Waiting for a frame…"));
      put("#live-score", score === null ? "–" : format.score(score));
      put("#live-speed", speed(state));
      chart ??= createScores(find("#live-chart", HTMLElement), () => threshold);
      chart.setData([state.moments.map(({ at_s }) => at_s), state.moments.map(({ score }) => score), state.moments.map(({ smooth }) => smooth)]);
    },
  };
}

/**
 * @param {HTMLElement} place
 * @param {() => number} threshold
 */
function createScores(place, threshold) {
  const { colour, axis } = look(place);
  return createChart(
    place,
    {
      cursor: { show: false },
      scales: {
        x: { time: false, range: (_, __, last) => [(last ?? 0) - WINDOW_S, last ?? 0] },
        // Linear near the threshold and logarithmic far above it, so that the chart shows both normal frames and severe defects.
        y: { distr: 4, range: (_, low, high) => [Math.min(0, low ?? 0), Math.max((threshold() || 1) * 2, (high ?? 1) * 1.2)] },
      },
      axes: [
        { ...axis, size: 26, values: (_, splits) => splits.map((at_s) => `${Math.round(at_s)} s`) },
        { ...axis, size: 44 },
      ],
      series: [{}, { stroke: colour("--bars"), width: 1, points: { show: false } }, { stroke: colour("--ink"), width: 3, points: { show: false } }],
      hooks: {
        drawAxes: [
          ({ ctx, bbox, valToPos }) => {
            const y = valToPos(threshold(), "y", true);
            if (!Number.isFinite(y)) return;
            ctx.save();
            ctx.strokeStyle = colour("--anomalous")();
            ctx.lineWidth = 2 * devicePixelRatio;
            ctx.setLineDash([6 * devicePixelRatio, 5 * devicePixelRatio]);
            ctx.beginPath();
            ctx.moveTo(bbox.left, y);
            ctx.lineTo(bbox.left + bbox.width, y);
            ctx.stroke();
            ctx.restore();
          },
        ],
      },
    },
    [[], [], []],
  );
}
