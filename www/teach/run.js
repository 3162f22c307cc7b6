/** The page's side of the worker that learns: one lesson, from the engine's download to the finished model. */

import { cpu, learners } from "../backend.js";
import { address, fetchManifest } from "../download.js";
import { sentence } from "../format.js";
import { fetchEngine } from "../parts.js";

/**
 * @typedef {import("../protocol.js").TeachingReply} Reply
 * @typedef {Omit<Extract<import("../protocol.js").TeachingRequest, { type: "start" }>, "type" | "script" | "module" | "threads">} Lesson
 */

/** An engine with threads that has not started after this long never will. */
const PATIENCE_MS = 45_000;

/**
 * Begins at once. What the worker says is handed on; where an engine does not start, the next one is tried first.
 * @param {Lesson} lesson
 * @param {(event: Reply | { type: "engine", threads: number }) => void} onEvent
 */
export function teach(lesson, onEvent) {
  const downloads = new AbortController();
  /** @type {Worker | null} */
  let worker = null;
  /** Here the worker's threads say that they crashed: it waits for them and cannot. @type {BroadcastChannel | null} */
  let threadsChannel = null;

  function end() {
    downloads.abort();
    dismiss();
  }

  function dismiss() {
    worker?.terminate();
    threadsChannel?.close();
    worker = threadsChannel = null;
  }

  async function begin() {
    const manifest = await fetchManifest();
    const found = cpu();
    const names = learners(found, manifest.engines);
    for (const name of names) {
      const files = manifest.engines[name];
      if (!files) continue;
      const module = await fetchEngine(files, () => {}, downloads.signal);
      const threads = name === "learn-threads" ? found.threads : 1;
      onEvent({ type: "engine", threads });
      if (await run({ ...lesson, script: address(files.script), module, threads }, name === names.at(-1))) return;
      dismiss();
    }
    if (names.length === 0) throw new Error("This site was built without the engine that learns: build it again with it.");
  }

  /**
   * @param {Lesson & { script: string, module: WebAssembly.Module, threads: number }} start
   * @param {boolean} isLast
   * @returns {Promise<boolean>} whether it has begun, or nothing else is left to try
   */
  function run(start, isLast) {
    return new Promise((resolve) => {
      let hasStarted = isLast;
      const timer = isLast ? 0 : setTimeout(() => resolve(false), PATIENCE_MS);
      /** @param {Reply} reply */
      const receive = (reply) => {
        clearTimeout(timer);
        const isEnd = reply.type === "crashed" || reply.type === "failed";
        if (isEnd && !hasStarted) return resolve(false);
        hasStarted = true;
        if (isEnd || reply.type === "finished") end();
        resolve(true);
        onEvent(reply);
      };
      threadsChannel = new BroadcastChannel(`daad-${Math.random()}`);
      threadsChannel.addEventListener("message", ({ data }) => receive(data));
      worker = new Worker(new URL("./teacher.js", import.meta.url), { type: "module", name: threadsChannel.name });
      worker.addEventListener("message", ({ data }) => receive(data));
      worker.addEventListener("error", (event) => {
        event.preventDefault();
        receive(event.message ? { type: "crashed" } : { type: "failed", message: "The worker's script could not be loaded: reload the page." });
      });
      worker.postMessage({ type: "start", ...start });
    });
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
