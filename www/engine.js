/** The tasks of every worker with an engine: it imports the engine's script and starts threads. It and the engine's threads are the only importers of `pkg/`. */

import { request } from "./download.js";

/**
 * @param {string} url
 * @returns {Promise<import("./protocol.js").Engine>}
 */
export function importScript(url) {
  return import(url).catch(async () => {
    await request(url, "the engine"); // `import` keeps to itself what went wrong
    throw new Error("The engine's script does not run: the site is damaged, so build it again.");
  });
}

/**
 * Starts workers, during the download of the engine, that will share the work of this worker. They end when this worker ends.
 * @param {number} count
 */
export function recruit(count) {
  return Array.from({ length: count }, () => {
    const thread = new Worker(new URL("./thread.js", import.meta.url), { type: "module", name: self.name });
    /** @type {Promise<never>} */
    const failed = new Promise((_, reject) => thread.addEventListener("error", () => reject(new Error("a thread did not start.")), { once: true }));
    failed.catch(() => {}); // it may fail before anybody waits for it
    return { thread, failed };
  });
}

/**
 * @param {ReturnType<typeof recruit>[number]} recruit
 * @param {import("./thread.js").Orders} orders
 */
export function enlist({ thread, failed }, orders) {
  const joined = new Promise((resolve, reject) => {
    thread.addEventListener("message", ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data)), { once: true });
    thread.postMessage(orders);
  });
  return Promise.race([joined, failed]);
}
