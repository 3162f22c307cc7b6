/** A thread of an engine: a worker that shares the engine's memory, and runs until the engine's worker ends. */

import { importScript } from "./engine.js";

/**
 * @param {{ script: string, module: WebAssembly.Module, memory: WebAssembly.Memory, channel: string }} orders
 * @param {(message: { error: string }) => void} tell
 */
export async function join({ script, module, memory, channel }, tell) {
  /** @type {import("./engine.js").Engine} */
  let engine;
  try {
    engine = (await importScript(script))();
    await engine.default({ module_or_path: module, memory });
  } catch (error) {
    return tell({ error: error instanceof Error ? error.message : String(error) });
  }
  tell({ error: "" });
  await new Promise((resolve) => setTimeout(resolve)); // so that the message is sent before this thread blocks
  try {
    engine.runThread();
  } catch {
    // After a trap, the engine's worker waits for this thread and cannot send messages, so this thread tells its owner directly.
    new BroadcastChannel(channel).postMessage("trapped");
  }
}
