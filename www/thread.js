/** A thread of the engine: a worker that shares its memory, and works until the engine's worker ends. */

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
    // A trap: the engine's worker waits for this thread and can say nothing, so the page is told past it.
    new BroadcastChannel(self.name).postMessage({ type: "crashed" });
  }
}
