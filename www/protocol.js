/**
 * The messages between the page and its workers, and the types of their data. This file contains only types.
 * `Engine`, `Detector`, `ModelInfo` and `Detection` are the API of the Rust library, `daad.js` in each folder of `pkg/`.
 */

/** @typedef {"webgpu" | "wasm"} Backend */
/** @typedef {"webgpu" | "cpu-threads-relaxed" | "cpu-threads" | "cpu" | "learn-threads"} EngineName a folder in `pkg/`, of which the page loads one to judge images and, if needed, the one that trains */
/** @typedef {"auto" | Backend} BackendChoice */
/** @typedef {"normal" | "defective"} Label */

/**
 * The lowest and highest raw value of the held-out normal images, by which a raw score is scaled.
 * @typedef {{ min: number, max: number }} Range
 */

/**
 * @typedef {object} ModelInfo
 * @property {string} system name in the paper, such as "DAAD+"
 * @property {number} width
 * @property {number} height
 * @property {number} scales
 * @property {number} baseWidth
 * @property {number} memoryItems
 * @property {{ height: number, width: number, channel: number } | null} division blocks per feature map; null where maps are not divided
 * @property {number} parameters
 * @property {number} gamma weight of the reconstruction score, 0 to 1
 * @property {number} threshold anomaly scores above it are anomalous
 * @property {number[]} normalScores sorted anomaly scores of held-out normal images
 * @property {{ reconstruction: number, alignment: number | null }[][]} normalRawScores R and L of each of these images and of its mirror images; the largest of its scores counts
 * @property {number} falseAlarmRate share of normal images that the threshold flags at most
 * @property {Range} reconstruction
 * @property {Range | null} alignment
 * @property {Record<string, string | number>} provenance
 */

/**
 * @typedef {object} Detection
 * @property {number} score anomaly score, higher is more anomalous
 * @property {number} reconstructionScore raw R
 * @property {number | null} alignmentScore raw L; null for a model without a discriminator
 * @property {number} threshold
 * @property {boolean} anomalous
 * @property {number} width
 * @property {number} height
 * @property {Uint8ClampedArray<ArrayBuffer>} input RGBA
 * @property {Uint8ClampedArray<ArrayBuffer>} reconstruction RGBA
 * @property {Float32Array<ArrayBuffer>} errorMap squared error per pixel, mean over the channels
 * @property {Uint8ClampedArray<ArrayBuffer>} heatMap RGBA, the error map in colours
 * @property {string} note what the visitor should know of the file, "" where there is nothing
 */

/** A block of the map at a scale, 0 being the finest. @typedef {{ scale: number, row: number, column: number }} BlockPlace */

/**
 * The memory's answer to one block of an image (Eq. 1 and 2). Pictures are RGBA and show the part of the image that the block covers.
 * @typedef {object} InspectedBlock
 * @property {number} dim D, the values of a query
 * @property {number} count N, the items of the bank
 * @property {number} temperature the number by which similarities are divided before the softmax; 1 in the paper
 * @property {number} survivors how many items are left after the shrinkage
 * @property {number} effectiveItems the effective number of items: the perplexity of the weights
 * @property {number} weightSum the sum of the weights that are left
 * @property {number} likeness cosine of the query and the answer
 * @property {number} width
 * @property {number} height
 * @property {Uint8ClampedArray<ArrayBuffer>} query the reconstruction with the query itself in this block
 * @property {Uint8ClampedArray<ArrayBuffer>} answer the reconstruction with the memory's answer, as the network computes it
 * @property {{ index: number, similarity: number, weight: number, picture: Uint8ClampedArray<ArrayBuffer> }[]} items the strongest items; a picture shows the item alone, with the norm of the answer
 * @property {Float32Array<ArrayBuffer>} similarities cosine of the query with each item
 */

/**
 * @typedef {object} Detector
 * @property {() => ModelInfo} info
 * @property {(image: Picture) => Promise<Detection>} detect
 * @property {(rgba: Uint8ClampedArray, width: number, height: number) => Inspector} inspector of an image of the model's size
 * @property {() => void} free
 */

/**
 * @typedef {object} Inspector
 * @property {(scale: number, row: number, column: number, strongest: number) => Promise<InspectedBlock | null>} block null if the scale has no memory
 */

/**
 * @typedef {object} Engine
 * @property {(input: { module_or_path: WebAssembly.Module, memory?: WebAssembly.Memory }) => Promise<{ memory: WebAssembly.Memory }>} default
 * @property {{ load(model: Uint8Array): Promise<Detector> }} Detector
 * @property {(() => Promise<void>) | undefined} [warmUp] only in engines that have something to warm up
 * @property {() => void} runThread only in engines with threads; it does not return
 * @property {{ new (plan: TeachingPlan, images: readonly Uint8Array<ArrayBuffer>[]): Training }} Training only in the engine that trains
 */

/**
 * @typedef {object} TeachingPlan
 * @property {number} size
 * @property {number} scales
 * @property {number} baseWidth
 * @property {number} memoryItems N of the memory, at each scale
 * @property {number} division r: blocks along each side of a map
 * @property {number} batchSize
 * @property {number} learningRate the initial learning rate; it falls to zero until the end
 * @property {boolean} flips
 * @property {number} falseAlarmRate
 * @property {number} seed a whole number
 */

/**
 * @typedef {object} Training
 * @property {number} trainedOn
 * @property {number} heldOut
 * @property {(share: number) => Promise<{ loss: number, epochs: number }>} step trains on one batch; `share` is the share of the time that is over, from 0 to 1
 * @property {(index: number) => Promise<Rebuilt>} rebuild reconstructs a held-out image
 * @property {(data: string) => Promise<Uint8Array<ArrayBuffer>>} finish returns the model file
 * @property {() => void} free
 */

/** Both images are RGBA. @typedef {{ input: Uint8ClampedArray<ArrayBuffer>, reconstruction: Uint8ClampedArray<ArrayBuffer>, width: number, height: number }} Rebuilt */

/** @typedef {{ file: string, bytes: number, hash: string }} SiteFile `file` is its path below the site's folder and has the hash in its name, `bytes` is the size before compression */
/** @typedef {SiteFile & { name: string, weights?: Uint8Array<ArrayBuffer> }} ModelFile `weights`: the content of a model that is not from the site and has no address */
/** @typedef {SiteFile & { script: SiteFile }} EngineFiles */
/** @typedef {Partial<Record<EngineName, EngineFiles>>} Engines */
/** @typedef {{ engines: Engines & { cpu: EngineFiles }, models: ModelFile[], series: ModelFile[] }} Manifest written by `scripts/site.mjs`; `series`: models of the same data that differ in their block size alone */
/** @typedef {{ file: string, label: Label, title: string }} Sample */
/** @typedef {{ title: string, attribution: string, source: string, licence: string, licence_url: string, samples: Sample[] }} Gallery */

/**
 * The progress of loading. `starting` means that everything is downloaded and the device warms up.
 * @typedef {{ stage: "downloading" | "starting", loaded_bytes: number, total_bytes: number }} Progress
 */

/**
 * A request of the page, in this order. Each is answered by exactly one `done` or `failed` with its id.
 * @typedef {{ id: number, type: "prepare", script: string, threads: number }
 *   | { id: number, type: "start", module: WebAssembly.Module }
 *   | { id: number, type: "load", key: string, weights: Uint8Array<ArrayBuffer> }
 *   | { id: number, type: "detect", key: string, image: Picture }
 *   | { id: number, type: "inspect", image: Pick<Detection, "input" | "width" | "height">, place: BlockPlace, strongest: number }} Request
 */

/** @typedef {{ detection: Detection, elapsed_ms: number }} Timed */

/** An image to judge: the bytes of a file, or pixels of any size. @typedef {Uint8Array<ArrayBuffer> | ImageData} Picture */

/**
 * A message of the worker. `crashed` answers all open requests, because the worker cannot be used any more.
 * @typedef {{ id: number, type: "done", value: unknown }
 *   | { id: number, type: "failed", message: string }
 *   | { type: "crashed" }} Reply
 */

/**
 * What the page tells the worker that trains. `start` comes first, and once; to give up, the page ends the worker.
 * @typedef {{ type: "start", script: string, module: WebAssembly.Module, threads: number, plan: TeachingPlan, duration_s: number, images: readonly Uint8Array<ArrayBuffer>[], data: string }
 *   | { type: "pause" }
 *   | { type: "resume" }
 *   | { type: "finish" }} TeachingRequest `finish`: make a model of the network as it is now
 */

/**
 * The messages of the worker that trains, in this order; `crashed` and `failed` may come at any time, as the last message.
 * @typedef {{ type: "begun", trained_on: number, held_out: number }
 *   | { type: "learned", loss: number, epochs: number, busy_s: number, images_per_s: number }
 *   | { type: "rebuilt", rebuilt: readonly Rebuilt[] }
 *   | { type: "finishing" }
 *   | { type: "finished", weights: Uint8Array<ArrayBuffer> }
 *   | { type: "failed", message: string }
 *   | { type: "crashed" }} TeachingReply the loss is the mean of the steps since the last one, `busy_s` the time without pauses
 */

export {};
