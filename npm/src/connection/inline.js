/** An engine in the caller's thread, for hosts without workers. While the engine computes, it blocks the caller. */

import { packed, unpacked } from "../errors.js";
import { createService } from "../service.js";

/** The only engine that needs neither workers nor a GPU. @returns {readonly import("../engine.js").EngineName[]} */
export const usable = () => ["cpu"];

export function workerAddress() {
  return "";
}

/** @param {number} _patienceMs has no effect, because nothing can watch an engine in the same thread */
export function connect(_patienceMs) {
  const answer = createService();
  /** @type {Error | null} */
  let ended = null;
  return {
    channel: "",
    /**
     * @param {import("../service.js").Request} request
     * @param {{ onProgress?: (done: number, all: number) => void, isPatient?: boolean }} [options]
     * @returns {Promise<any>}
     */
    async request(request, { onProgress = () => {} } = {}) {
      if (ended) throw ended;
      try {
        return await answer(request, onProgress);
      } catch (error) {
        throw unpacked(packed(error));
      }
    },
    /** @param {Error} error for the requests that follow */
    end(error) {
      ended ??= error;
    },
  };
}
