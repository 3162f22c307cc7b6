/** The sizes of the engines' code in bytes; those that the package was built without are missing. `scripts/package.mjs` puts them in. */
declare const ENGINE_BYTES: Partial<Record<import("./engine.js").EngineName, number>> & { cpu: number };
