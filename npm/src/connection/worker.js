/** An engine in a worker: each request returns a promise, and a timer checks that the worker still responds. */

import { hasWorkers, workerAddress } from "#platform";
import { DaadError, Lost, sentence, unpacked } from "../errors.js";
import { ownWorker } from "./owned.js";

/** The number of checks within `patienceMs`. The checks are counted instead of the time, because a worker on a machine that was asleep was silent too. */
const LOOKS = 20;

/** All engines. @type {(names: readonly import("../engine.js").EngineName[]) => readonly import("../engine.js").EngineName[]} */
export const usable = (names) => names;

/** The address of the worker's script, for an engine's threads. */
export { workerAddress };

/**
 * @param {number} patienceMs how long the worker may be silent while it has a request
 */
export function connect(patienceMs) {
  if (!hasWorkers) throw new DaadError("unsupported", "This host has no workers: import from daad/inline, which needs none.");
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void, onProgress: (done: number, all: number) => void }>} */
  const waiting = new Map();
  let lastId = 0;
  let silentLooks = 0;
  /** @type {Error | null} */
  let lost = null;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let watch;

  const worker = ownWorker(receive, lose);

  /** @param {Error} error */
  function lose(error) {
    if (lost) return;
    lost = error;
    worker.end();
    clearInterval(watch);
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  }

  /** @param {any} message */
  function receive(message) {
    silentLooks = 0;
    const request = waiting.get(message.id);
    if (!request) return;
    if (message.progress) return request.onProgress(message.progress.done, message.progress.all);
    waiting.delete(message.id);
    if (waiting.size === 0) rest();
    if (message.error) request.reject(unpacked(message.error));
    else request.resolve(message.value);
  }

  /** @param {boolean} isPatient */
  function wake(isPatient) {
    worker.hold(true);
    silentLooks = 0;
    if (isPatient) return;
    watch = setInterval(() => {
      if (++silentLooks > LOOKS) lose(new Lost(`the engine gave no sign of life for ${patienceMs / 1000} s`));
    }, patienceMs / LOOKS);
  }

  function rest() {
    worker.hold(false);
    clearInterval(watch);
  }

  return {
    channel: worker.channel,
    /**
     * @param {import("../service.js").Request} request
     * @param {{ onProgress?: (done: number, all: number) => void, isPatient?: boolean }} [options] `isPatient`: waits without a time limit
     * @returns {Promise<any>} fails with `Lost` if the worker is lost, otherwise with a `DaadError`
     */
    request(request, { onProgress = () => {}, isPatient = false } = {}) {
      return new Promise((resolve, reject) => {
        if (lost) return reject(lost);
        const id = ++lastId;
        try {
          worker.post({ ...request, id });
        } catch (error) {
          return reject(new DaadError("argument", `The request could not be sent to the engine: ${sentence(error)}`)); // for instance the pixels of a buffer that was transferred
        }
        if (waiting.size === 0) wake(isPatient);
        waiting.set(id, { resolve, reject, onProgress });
      });
    },
    /** @param {Error} error for the requests that are open */
    end: lose,
  };
}
