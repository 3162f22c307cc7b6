/** The types of the package's interface. Lengths are in pixels, images are RGBA, row by row. */

/**
 * An image: a file (its bytes, or a Blob; PNG, JPEG, WebP and BMP everywhere, in browsers also every format that the browser reads), RGBA pixels like those
 * of ImageData, or an object that a browser can draw on a canvas, such as ImageBitmap or VideoFrame. The buffers are copied, not transferred.
 * @typedef {Uint8Array | ArrayBuffer | Blob | Pixels | Drawable} ImageSource
 */

/**
 * An object that a canvas can draw. If a program is compiled without the types of browsers, this type is empty.
 * @typedef {Instance<"ImageBitmap"> | Instance<"VideoFrame"> | Instance<"OffscreenCanvas"> | Instance<"HTMLCanvasElement"> | Instance<"HTMLImageElement"> | Instance<"HTMLVideoElement">} Drawable
 */

/** @template {string} Name @typedef {typeof globalThis extends { [name in Name]: { prototype: infer T } } ? T : never} Instance */

/** Pixels in RGBA, row by row, such as ImageData. @typedef {{ readonly data: Uint8ClampedArray | Uint8Array, readonly width: number, readonly height: number }} Pixels */

/** A model file: its bytes, its address (in Node, Deno and Bun also a path), or a response. @typedef {Uint8Array | ArrayBuffer | Blob | string | URL | Response} ModelSource */

/** Where the network runs: the GPU, or SIMD on the CPU. @typedef {"webgpu" | "wasm"} Backend */

/**
 * @typedef {object} Progress
 * @property {"downloading" | "starting"} stage `starting`: the downloads are complete, and the engine loads the model
 * @property {number} loadedBytes of engine and model together, after decompression
 * @property {number | null} totalBytes null until it is known
 */

/**
 * @typedef {object} LoadOptions
 * @property {"auto" | Backend} [backend] "auto", the default, uses a real GPU if there is one; if a backend does not work, the next one is used
 * @property {number} [threads] the maximum number of threads on the CPU; by default the number of cores, but at most 8. Browsers allow more than one thread only on pages that are isolated from others (COOP and COEP headers)
 * @property {AbortSignal} [signal] cancels loading
 * @property {(progress: Progress) => void} [onProgress]
 * @property {number} [patienceMs] how long the engine may be silent during a request before it is replaced; 60,000 by default
 * @property {import("./detector.js").Detector} [beside] a detector whose worker and engine are used for this model too; `backend`, `threads` and `patienceMs` then have no effect
 */

/** @typedef {object} DetectOptions
 * @property {AbortSignal} [signal] cancels the request: the promise is rejected at once with the signal's reason
 */

/**
 * @typedef {object} TiledOptions
 * @property {number} [tile] side of a tile in pixels of the image; by default the model's size. A tile should show as much of the object as a training image did
 * @property {number} [overlap] the share of a tile that also belongs to its neighbour, from 0 to below 1; 0.25 by default
 * @property {boolean} [errorMap] whether to return the error map and the heat map of the whole image
 * @property {AbortSignal} [signal] cancels the request: the promise is rejected at once with the signal's reason, and the engine is restarted for the next request
 * @property {(done: number, all: number) => void} [onProgress] called with the number of tiles that are done
 */

/** The judgement of an image or of one of its tiles.
 * @typedef {object} Judgement
 * @property {number} score anomaly score A: about 0 to 1 for normal images, higher for anomalous ones
 * @property {boolean} anomalous whether the score lies above the threshold
 * @property {number} unfamiliarity how much the image as a whole differs from the good images; above 1 the image is of another kind, and its score means nothing
 */

/** The verdict: "unfamiliar" if the unfamiliarity is above 1, whatever the score. @typedef {{ verdict: "normal" | "anomalous" | "unfamiliar" }} Verdict */

/** @typedef {object} RawScores
 * @property {number} reconstructionScore R before scaling: the mean squared error of the reconstruction
 * @property {number | null} alignmentScore L before scaling: the distance of the discriminator's features; null for a model without one
 */

/**
 * @typedef {object} Shown
 * @property {number} threshold
 * @property {number} width of the images below
 * @property {number} height of the images below
 * @property {string} note a remark about the file, such as that only its first page was read, or that it was stretched to the model's shape; "" if there is none
 * @property {number} elapsedMs the time in the engine
 */

/**
 * The result for one image. Its pictures have the model's size: `new ImageData(detection.heatMap, detection.width, detection.height)`.
 * @typedef {Judgement & Verdict & RawScores & Shown & DetectionMaps} Detection
 */

/**
 * @typedef {object} DetectionMaps
 * @property {Uint8ClampedArray<ArrayBuffer>} input the image as the network sees it, RGBA
 * @property {Uint8ClampedArray<ArrayBuffer>} reconstruction the network's reconstruction of it, RGBA
 * @property {Float32Array<ArrayBuffer>} errorMap squared error per pixel, mean over the channels, of values from −1 to 1
 * @property {Uint8ClampedArray<ArrayBuffer>} heatMap the error map in colours, RGBA; the same colour is the same error on every image
 */

/** A tile of a large image, in its pixels from the upper left corner.
 * @typedef {Judgement & RawScores & { x: number, y: number, width: number, height: number }} Tile
 */

/**
 * The result for a large image. Its score is the score of its worst tile, and its unfamiliarity is the median over the tiles.
 * NOTE: the threshold was set on whole images. The more tiles a normal image has, the more likely one of them lies above the threshold. `daad threshold --tiles` finds a threshold for tiles.
 * @typedef {Judgement & Verdict & Shown & { tiles: Tile[], errorMap: Float32Array<ArrayBuffer> | null, heatMap: Uint8ClampedArray<ArrayBuffer> | null }} TiledDetection
 */

/** The lowest and highest raw score of held-out normal images, by which a raw score is scaled. @typedef {{ min: number, max: number }} Range */

/**
 * The description of a model, from its file.
 * @typedef {object} ModelInfo
 * @property {string} system name in the paper, such as "DAAD+"
 * @property {number} width of the network's input
 * @property {number} height of the network's input
 * @property {number} parameters the number of parameters
 * @property {number} scales L, of the feature maps
 * @property {number} baseWidth channels of the first scale
 * @property {number} memoryItems N, in each bank
 * @property {{ height: number, width: number, channel: number } | null} division blocks per feature map; null if maps are not divided
 * @property {number} gamma weight of the reconstruction score, 0 to 1
 * @property {number} threshold the model's own: scores above it are anomalous
 * @property {number} falseAlarmRate share of normal images that the model's threshold flags at most
 * @property {number[]} normalScores sorted anomaly scores of held-out normal images
 * @property {{ reconstruction: number, alignment: number | null }[][]} normalRawScores R and L of each of these images and of its mirror images; the largest of its scores counts
 * @property {Range} reconstruction
 * @property {Range | null} alignment
 * @property {Record<string, unknown>} provenance the origin of the model: data, device, epochs, settings
 */

/**
 * The engine that is in use.
 * @typedef {object} EngineInfo
 * @property {Backend} backend
 * @property {number} threads
 * @property {string} gpu the adapter's name, "" on the CPU or where the browser hides it
 * @property {string} note a sentence that says why the engine is not the requested or the usual one; "" otherwise
 */

/** A block of the map at a scale, 0 being the finest. @typedef {{ scale: number, row: number, column: number }} BlockPlace */

/**
 * The memory's answer to one block of an image (Eq. 1 and 2). Pictures are RGBA and show the part of the image that the block covers.
 * @typedef {object} InspectedBlock
 * @property {number} dim D, the values of a query
 * @property {number} count N, the items of the bank
 * @property {number} temperature the number by which similarities are divided before the softmax; 1 in the paper
 * @property {number} survivors the number of items with a weight above zero after the shrinkage
 * @property {number} effectiveItems the effective number of items: the perplexity of the weights
 * @property {number} weightSum the sum of the remaining weights
 * @property {number} likeness cosine of the query and the answer
 * @property {number} width
 * @property {number} height
 * @property {Uint8ClampedArray<ArrayBuffer>} query the reconstruction with the query itself in this block
 * @property {Uint8ClampedArray<ArrayBuffer>} answer the reconstruction with the memory's answer, as the network computes it
 * @property {InspectedItem[]} items the strongest items
 * @property {Float32Array<ArrayBuffer>} similarities cosine of the query with each item
 */

/** `picture` shows the item alone instead of the answer, scaled to the norm of the answer. @typedef {{ index: number, similarity: number, weight: number, picture: Uint8ClampedArray<ArrayBuffer> }} InspectedItem */

export {};
