/** A worker of the package's script, and word of its loss. */

import { hear, spawn, workerAddress } from "#platform";
import { DaadError, Lost, TRAPPED } from "../errors.js";

/**
 * @param {(message: any) => void} onMessage
 * @param {(error: Lost | DaadError) => void} onLost told when it trapped, or its script could not be loaded
 */
export function ownWorker(onMessage, onLost) {
  /** Where its threads say that they trapped: it waits for them, and cannot. */
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
    /** While it is busy its program does not end, and its threads are heard; in Deno, to hear them keeps a program from ending. @param {boolean} isBusy */
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
