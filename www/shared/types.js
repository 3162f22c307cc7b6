/** The types of the page's data. The package defines the types of models and results. */

/** @typedef {import("daad").Backend} Backend */
/** @typedef {"auto" | Backend} BackendChoice */
/** @typedef {"normal" | "defective"} Label */
/** @typedef {import("daad").ModelInfo} ModelInfo */
/** @typedef {import("daad").Detection} Detection */
/** @typedef {import("daad").Progress} Progress */
/** @typedef {import("daad").BlockPlace} BlockPlace */
/** @typedef {import("daad").InspectedBlock} InspectedBlock */
/** @typedef {Detection["verdict"]} Verdict */
/** @typedef {ModelInfo["reconstruction"]} Range */

/** @typedef {{ file: string, bytes: number, hash: string }} SiteFile `file` is its path below the site's folder and has the hash in its name, `bytes` is the size before compression */
/** @typedef {SiteFile & { name: string, weights?: Uint8Array<ArrayBuffer> }} ModelFile `weights`: the content of a model that is not from the site and has no address */
/** @typedef {{ models: ModelFile[], series: ModelFile[] }} Manifest written by `scripts/site.mjs`; `series`: models of the same data that differ in their block size alone */
/** @typedef {{ file: string, label: Label, title: string }} Sample */
/** @typedef {{ model: string, name: string, knows: string, title: string, attribution: string, source: string, licence: string, licence_url: string, samples: Sample[] }} Gallery the images for a model; `model` is the model's name, `name` and `knows` are texts for people */

/** An image to judge: the bytes of a file, or pixels of any size. @typedef {ArrayBuffer | ImageData} Picture */

export {};
