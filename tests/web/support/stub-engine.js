/** Replaces the daad.js of every engine when a test needs a failure that a real engine does not have. WebGPU always fails. An image that begins with PANIC traps, THREAD traps in a thread, REFUSE is refused, SLOW takes 0.3 s. Painted pixels trap if one is dark. Inspecting a block finds no memory, and traps in the second row. A model that begins with 9 has a threshold of 9; with a model that begins with L, an image has the R and L that it names, as in SCORE 0.5 1. */

const SIDE_PX = 8;

const WITHOUT_L = { normalScores: [0, 0.25, 0.5], normalRawScores: [], alignment: null };
const WITH_L = {
  normalScores: [0, 0.55, 0.95],
  normalRawScores: [[{ reconstruction: 1, alignment: 0.5 }], [{ reconstruction: 0, alignment: 0 }], [{ reconstruction: 0.5, alignment: 1 }]],
  alignment: { min: 0, max: 1 },
};

/** Memory that this worker and its threads share: one number, which is set to 1 to make the threads trap. @type {Int32Array} */
let shared;

/** @param {{ memory?: SharedArrayBuffer }} input */
async function init({ memory = globalThis.crossOriginIsolated ? new SharedArrayBuffer(4) : undefined }) {
  if (memory) shared = new Int32Array(memory);
  return { memory };
}

function runThread() {
  Atomics.wait(shared, 0, 0);
  throw new WebAssembly.RuntimeError("unreachable");
}

class Detector {
  /** @param {Uint8Array} model */
  static async load(model) {
    if (import.meta.url.includes("/webgpu/")) throw Object.assign(new Error("device: it computes something else"), { code: "engine" });
    return Object.assign(new Detector(), begins(model, "L") ? { threshold: 0.87, calibration: WITH_L } : { threshold: begins(model, "9") ? 9 : 0.5 });
  }

  threshold = 0;
  calibration = WITHOUT_L;

  info() {
    return {
      system: "stub", width: SIDE_PX, height: SIDE_PX, scales: 1, baseWidth: 1, memoryItems: 1, division: { height: 2, width: 2, channel: 1 }, parameters: 1,
      gamma: 0.9, threshold: this.threshold, falseAlarmRate: 0.1, reconstruction: { min: 0, max: 1 }, provenance: {}, ...this.calibration,
    };
  }

  inspector() {
    return {
      /** @param {number} _scale @param {number} row */
      async block(_scale, row) {
        if (row === 1) throw new WebAssembly.RuntimeError("unreachable");
        return null;
      },
      free() {},
    };
  }

  /** @param {Uint8Array | { data: Uint8ClampedArray }} image */
  async detect(image) {
    if (!(image instanceof Uint8Array)) return this.#detectPixels(image.data);
    if (begins(image, "REFUSE")) throw Object.assign(new Error("cannot use this image: it is refused"), { code: "image" });
    if (begins(image, "PANIC")) await panic();
    if (begins(image, "THREAD") && !import.meta.url.includes("-threads")) await panic();
    if (begins(image, "THREAD")) {
      Atomics.store(shared, 0, 1);
      Atomics.notify(shared, 0);
      await new Promise(() => {});
    }
    if (begins(image, "SLOW")) await new Promise((resolve) => setTimeout(resolve, 300));
    return this.#judge(...named(image));
  }

  /** @param {Uint8ClampedArray} rgba */
  async #detectPixels(rgba) {
    if (rgba.some((value) => value < 100)) await panic();
    return this.#judge(rgba.every((value) => value === 255) ? 1 : 2, 0);
  }

  /** @param {number} r @param {number} l */
  #judge(r, l) {
    const score = this.calibration.alignment ? 0.9 * r + 0.1 * l : r;
    const pixels = () => new Uint8ClampedArray(SIDE_PX * SIDE_PX * 4).fill(255);
    return {
      score, reconstructionScore: r, alignmentScore: this.calibration.alignment && l, threshold: this.threshold, anomalous: score > this.threshold, unfamiliarity: 0.5, verdict: score > this.threshold ? "anomalous" : "normal", width: SIDE_PX, height: SIDE_PX,
      input: pixels(), reconstruction: pixels(), heatMap: pixels(), errorMap: new Float32Array(SIDE_PX * SIDE_PX), note: "",
    };
  }
}

/** Behaves like a Rust panic in a future: an uncaught trap, and a promise that never settles. @returns {Promise<void>} */
function panic() {
  queueMicrotask(() => {
    throw new WebAssembly.RuntimeError("unreachable");
  });
  return new Promise(() => {});
}

/**
 * @param {Uint8Array} bytes
 * @param {string} word
 */
function begins(bytes, word) {
  return String.fromCharCode(...bytes.subarray(0, word.length)) === word;
}

/** R and L as the image names them; otherwise both are 1. @param {Uint8Array} image @returns {[number, number]} */
function named(image) {
  const [, r = "1", l = "1"] = /SCORE (\S+) (\S+)/.exec(new TextDecoder().decode(image)) ?? [];
  return [Number(r), Number(l)];
}

/** Creates an engine, like every engine's script. */
export default function create() {
  return { default: init, Detector, runThread };
}
