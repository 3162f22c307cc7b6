/** Records every WebAssembly memory of a worker, because it is imported before the engine. Memories never shrink, so their current size is their peak. */

const { Memory, instantiate, instantiateStreaming } = WebAssembly;
/** @type {Set<WebAssembly.Memory>} */
const memories = new Set();

WebAssembly.Memory = new Proxy(Memory, { construct: (target, words) => noted(new target(...words)) });
WebAssembly.instantiate = (...words) => instantiate(...words).then(withMemory);
WebAssembly.instantiateStreaming = (...words) => instantiateStreaming(...words).then(withMemory);

function withMemory(result) {
  const { exports } = result.instance ?? result;
  for (const value of Object.values(exports)) if (value instanceof Memory) noted(value);
  return result;
}

function noted(memory) {
  memories.add(memory);
  return memory;
}

self.addEventListener("message", (event) => {
  if (event.data.type !== "memory") return;
  event.stopImmediatePropagation(); // the package's worker does not know this request
  const value = [...memories].reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
  self.postMessage({ id: event.data.id, value });
});
