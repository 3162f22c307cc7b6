/** An engine beside its caller, for hosts without workers. While it works, nothing else does. */

import { spawn } from "#platform";
import { packed, unpacked } from "../errors.js";
import { createService } from "../service.js";

/** Only that which needs neither workers nor a GPU. @returns {readonly import("../engine.js").EngineName[]} */
export const usable = () => ["cpu"];

export function workerAddress() {
  return "";
}

/** @param {number} _patienceMs has no effect, because nothing watches */
export function connect(_patienceMs) {
  const answer = createService(spawn);
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
