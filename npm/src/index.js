/**
 * Divide-and-Assemble anomaly detection: the engine runs in a worker, on WebGPU or on several cores if the host has them.
 */

export { Detector } from "./detector.js";
export { DaadError } from "./errors.js";

/** @typedef {import("./errors.js").ErrorCode} ErrorCode */
/** @typedef {import("./types.js").ImageSource} ImageSource */
/** @typedef {import("./types.js").Pixels} Pixels */
/** @typedef {import("./types.js").ModelSource} ModelSource */
/** @typedef {import("./types.js").Backend} Backend */
/** @typedef {import("./types.js").Progress} Progress */
/** @typedef {import("./types.js").LoadOptions} LoadOptions */
/** @typedef {import("./types.js").DetectOptions} DetectOptions */
/** @typedef {import("./types.js").TiledOptions} TiledOptions */
/** @typedef {import("./types.js").Detection} Detection */
/** @typedef {import("./types.js").TiledDetection} TiledDetection */
/** @typedef {import("./types.js").Tile} Tile */
/** @typedef {import("./types.js").ModelInfo} ModelInfo */
/** @typedef {import("./types.js").EngineInfo} EngineInfo */
/** @typedef {import("./types.js").BlockPlace} BlockPlace */
/** @typedef {import("./types.js").InspectedBlock} InspectedBlock */
