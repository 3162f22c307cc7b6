/** The types of the package's interface. Lengths are in pixels, images are RGBA, row by row. */

/**
 * An image: a file (its bytes, or a Blob; PNG, JPEG, WebP and BMP everywhere, in browsers also what these read), pixels like those of ImageData
 * in RGBA, or what a browser can draw on a canvas, such as ImageBitmap or VideoFrame. Its buffers are copied, not taken.
 * @typedef {Uint8Array | ArrayBuffer | Blob | Pixels | Drawable} ImageSource
 */

/**
 * What a canvas draws. Where a program is compiled without a browser's types, none of it is there.
 * @typedef {Instance<"ImageBitmap"> | Instance<"VideoFrame"> | Instance<"OffscreenCanvas"> | Instance<"HTMLCanvasElement"> | Instance<"HTMLImageElement"> | Instance<"HTMLVideoElement">} Drawable
 */

/** @template {string} Name @typedef {typeof globalThis extends { [name in Name]: { prototype: infer T } } ? T : never} Instance */

/** Pixels in RGBA, row by row, such as ImageData. @typedef {{ readonly data: Uint8ClampedArray | Uint8Array, readonly width: number, readonly height: number }} Pixels */

/** A model file: its bytes, its address (in Node, Deno and Bun also a path), or a response. @typedef {Uint8Array | ArrayBuffer | Blob | string | URL | Response} ModelSource */

/** Where the network runs: the GPU, or SIMD on the CPU. @typedef {"webgpu" | "wasm"} Backend */

/**
 * @typedef {object} Progress
 * @property {"downloading" | "starting"} stage `starting`: everything is there, and the engine makes itself ready
 * @property {number} loadedBytes of engine and model together, before compression
 * @property {number | null} totalBytes null until it is known
 */

/**
 * @typedef {object} LoadOptions
 * @property {"auto" | Backend} [backend] "auto" takes a real GPU where there is one; what does not work gives way to the next. "auto" without it
 * @property {number} [threads] the most threads to use on the CPU; as many as there are cores, and 8 at most, without it. Browsers allow more than one only on pages that are isolated from others (COOP and COEP headers)
 * @property {AbortSignal} [signal] gives up loading
 * @property {(progress: Progress) => void} [onProgress]
 * @property {number} [patienceMs] how long the engine may give no sign of life before it is replaced; 60,000 without it
 * @property {import("./detector.js").Detector} [beside] a detector whose worker and engine are used for this model too; backend and threads are then those of that one
 */

/** @typedef {object} DetectOptions
 * @property {AbortSignal} [signal] gives up: the promise is rejected at once with the signal's reason
 */

/**
 * @typedef {object} TiledOptions
 * @property {number} [tile] side of a tile in pixels of the image; without it tiles have the model's size. A tile should show as much of the object as a training image did
 * @property {number} [overlap] the share of a tile that also belongs to its neighbour, from 0 to below 1; 0.25 without it
 * @property {boolean} [errorMap] whether to return the error map and the heat map of the whole image
 * @property {AbortSignal} [signal] gives up, after the tiles that are under way
 * @property {(done: number, all: number) => void} [onProgress] told how many tiles are done
 */

/** What is said of an image or of a tile of it.
 * @typedef {object} Judgement
 * @property {number} score anomaly score A: about 0 to 1 for normal images, higher for anomalous ones
 * @property {boolean} anomalous whether the score lies above the threshold
 * @property {number} unfamiliarity how unlike the good images the whole is; above 1 it is of another kind, and its score means nothing
 */

/** The judgement of an image in a word: "unfamiliar" where its unfamiliarity is above 1, whatever the score. @typedef {{ verdict: "normal" | "anomalous" | "unfamiliar" }} Verdict */

/** @typedef {object} RawScores
 * @property {number} reconstructionScore R before scaling: the mean squared error of the reconstruction
 * @property {number | null} alignmentScore L before scaling: the distance of the discriminator's features; null for a model without one
 */

/**
 * @typedef {object} Shown
 * @property {number} threshold
 * @property {number} width of the images below
 * @property {number} height of the images below
 * @property {string} note what should be known of the file, such as that only its first page was read, or that it was stretched to the model's shape; "" where there is nothing
 * @property {number} elapsedMs the time in the engine
 */

/**
 * The result for one image. Its pictures have the model's size: `new ImageData(detection.heatMap, detection.width, detection.height)`.
 * @typedef {Judgement & Verdict & RawScores & Shown & DetectionMaps} Detection
 */

/**
 * @typedef {object} DetectionMaps
 * @property {Uint8ClampedArray<ArrayBuffer>} input the image as the network sees it, RGBA
 * @property {Uint8ClampedArray<ArrayBuffer>} reconstruction what the network rebuilds of it, RGBA
 * @property {Float32Array<ArrayBuffer>} errorMap squared error per pixel, mean over the channels, of values from −1 to 1
 * @property {Uint8ClampedArray<ArrayBuffer>} heatMap the error map in colours, RGBA; the same colour is the same error on every image
 */

/** A tile of a large image, in its pixels from the upper left corner.
 * @typedef {Judgement & RawScores & { x: number, y: number, width: number, height: number }} Tile
 */

/**
 * The result for a large image, whose score is that of its worst tile, and whose unfamiliarity is the median of theirs.
 * NOTE: the threshold was set on whole images. The more tiles a normal image has, the more likely one of them lies above it: `daad threshold --tiles` sets one for tiles.
 * @typedef {Judgement & Verdict & Shown & { tiles: Tile[], errorMap: Float32Array<ArrayBuffer> | null, heatMap: Uint8ClampedArray<ArrayBuffer> | null }} TiledDetection
 */

/** The lowest and highest raw score of held-out normal images, by which a raw score is scaled. @typedef {{ min: number, max: number }} Range */

/**
 * What the model file says.
 * @typedef {object} ModelInfo
 * @property {string} system name in the paper, such as "DAAD+"
 * @property {number} width of the network's input
 * @property {number} height of the network's input
 * @property {number} parameters their number
 * @property {number} scales L, of the feature maps
 * @property {number} baseWidth channels of the first scale
 * @property {number} memoryItems N, in each bank
 * @property {{ height: number, width: number, channel: number } | null} division blocks per feature map; null where maps are not divided
 * @property {number} gamma weight of the reconstruction score, 0 to 1
 * @property {number} threshold the model's own: scores above it are anomalous
 * @property {number} falseAlarmRate share of normal images that the model's threshold flags at most
 * @property {number[]} normalScores sorted anomaly scores of held-out normal images
 * @property {{ reconstruction: number, alignment: number | null }[][]} normalRawScores R and L of each of these images and of its mirror images; the largest of its scores counts
 * @property {Range} reconstruction
 * @property {Range | null} alignment
 * @property {Record<string, unknown>} provenance what the file says of its origin: data, device, epochs, settings
 */

/**
 * What does the work.
 * @typedef {object} EngineInfo
 * @property {Backend} backend
 * @property {number} threads
 * @property {string} gpu the adapter's name, "" on the CPU or where the browser hides it
 * @property {string} note why it is not what was asked for or what is usual, as a sentence; "" otherwise
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
 * @property {InspectedItem[]} items the strongest items
 * @property {Float32Array<ArrayBuffer>} similarities cosine of the query with each item
 */

/** A picture shows the item alone, with the norm of the answer. @typedef {{ index: number, similarity: number, weight: number, picture: Uint8ClampedArray<ArrayBuffer> }} InspectedItem */

export {};
