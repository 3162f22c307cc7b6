/** The sizes of the engines' code in bytes; engines that the package was built without are missing. `scripts/package.mjs` inserts the sizes. */
declare const ENGINE_BYTES: Partial<Record<import("./engine.js").EngineName, number>> & { cpu: number };
