/** A thread of the engine: a worker that shares the engine's memory, and runs until the engine's worker ends. */

/** @typedef {{ script: string, module: WebAssembly.Module, memory: WebAssembly.Memory }} Orders */

self.addEventListener("message", (/** @type {MessageEvent<Orders>} */ { data }) => void join(data), { once: true });

/** @param {Orders} orders */
async function join({ script, module, memory }) {
  /** @type {import("./protocol.js").Engine} */
  let engine;
  try {
    engine = await import(script);
    await engine.default({ module_or_path: module, memory });
  } catch (error) {
    return self.postMessage({ error: String(error) });
  }
  self.postMessage({});
  try {
    engine.runThread();
  } catch {
    // After a trap, the engine's worker waits for this thread and cannot send messages, so this thread tells the page directly.
    new BroadcastChannel(self.name).postMessage({ type: "crashed" });
  }
}
