/** Starts a worker with the package's script, and reports if it is lost. */

import { hear, spawn, workerAddress } from "#platform";
import { DaadError, Lost, TRAPPED } from "../errors.js";

/**
 * @param {(message: any) => void} onMessage
 * @param {(error: Lost | DaadError) => void} onLost called if the worker trapped, or if its script could not be loaded
 */
export function ownWorker(onMessage, onLost) {
  /** The channel on which the worker's threads report a trap. The worker cannot report it, because it waits for its threads. */
  const channel = `daad-${Math.random()}`;
  const trapped = () => onLost(new Lost(TRAPPED));
  let deafen = () => {};
  const worker = spawn(
    workerAddress(),
    (message) => (message === "trapped" ? trapped() : onMessage(message)),
    (message) => (message ? trapped() : onLost(new DaadError("download", "The worker's script could not be loaded: check the connection, and that the package was copied whole."))),
  );
  return {
    channel,
    post: worker.post,
    /** While the worker is busy, it keeps the program running and this listens to its threads. It does not listen at other times, because in Deno an open channel keeps the program running. @param {boolean} isBusy */
    hold(isBusy) {
      worker.hold(isBusy);
      deafen();
      deafen = isBusy ? hear(channel, trapped) : () => {};
    },
    end() {
      worker.end();
      deafen();
    },
  };
}
