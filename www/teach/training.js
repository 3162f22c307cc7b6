/** The page's side of the worker that trains: one run, from the engine's download to the finished model. */

import { cpu } from "../backend.js";
import { address, fetchManifest } from "../download.js";
import { sentence } from "../format.js";
import { fetchEngine } from "../parts.js";

/**
 * @typedef {import("../protocol.js").TeachingReply} Reply
 * @typedef {Omit<Extract<import("../protocol.js").TeachingRequest, { type: "start" }>, "type" | "script" | "module" | "threads">} Request
 */

/** An engine that has not started after this long never will. */
const PATIENCE_MS = 45_000;

/**
 * Begins at once. What the worker says is handed on.
 * @param {Request} request
 * @param {(event: Reply | { type: "engine", threads: number }) => void} onEvent
 */
export function startTraining(request, onEvent) {
  const downloads = new AbortController();
  /** @type {Worker | null} */
  let worker = null;
  /** Here the worker's threads say that they crashed: it waits for them and cannot. @type {BroadcastChannel | null} */
  let threadsChannel = null;

  function end() {
    downloads.abort();
    worker?.terminate();
    threadsChannel?.close();
    worker = threadsChannel = null;
  }

  async function begin() {
    const { engines } = await fetchManifest();
    const files = engines["learn-threads"];
    if (!files) throw new Error("This site was built without the engine that trains: build it again with it.");
    const module = await fetchEngine(files, () => {}, downloads.signal);
    downloads.signal.throwIfAborted();
    const { threads } = cpu();
    onEvent({ type: "engine", threads });
    run({ ...request, script: address(files.script), module, threads });
  }

  /** @param {Request & { script: string, module: WebAssembly.Module, threads: number }} start */
  function run(start) {
    const timer = setTimeout(() => receive({ type: "failed", message: "The engine that trains did not start in time: try again." }), PATIENCE_MS);
    /** @param {Reply} reply */
    const receive = (reply) => {
      clearTimeout(timer);
      if (reply.type === "crashed" || reply.type === "failed" || reply.type === "finished") end();
      onEvent(reply);
    };
    downloads.signal.addEventListener("abort", () => clearTimeout(timer));
    threadsChannel = new BroadcastChannel(`daad-${Math.random()}`);
    threadsChannel.addEventListener("message", ({ data }) => receive(data));
    worker = new Worker(new URL("./trainer.js", import.meta.url), { type: "module", name: threadsChannel.name });
    worker.addEventListener("message", ({ data }) => receive(data));
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      receive(event.message ? { type: "crashed" } : { type: "failed", message: "The worker's script could not be loaded: reload the page." });
    });
    worker.postMessage({ type: "start", ...start });
  }

  begin().catch((error) => {
    if (!downloads.signal.aborted) onEvent({ type: "failed", message: sentence(error) });
  });

  return {
    /** @param {Exclude<import("../protocol.js").TeachingRequest, { type: "start" }>} request */
    tell: (request) => worker?.postMessage(request),
    /** Gives up, whatever is under way. */
    end,
  };
}
