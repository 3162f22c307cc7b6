/** Runs each engine in a worker of its own. The driver calls the engines in turn through `bench`. */

/** @type {Map<string, Engine>} */
const engines = new Map();

/** Speaks the protocol of the package's worker: each request is answered once, with its id and a value or an error. */
class Engine {
  #waiting = new Map();
  #id = 0;

  /**
   * @param {string} script
   * @param {WorkerType} [type]
   */
  constructor(script, type = "module") {
    this.worker = new Worker(script, { type });
    this.worker.addEventListener("message", ({ data }) => {
      const { resolve, reject } = this.#waiting.get(data.id) ?? this.#waiting.values().next().value;
      this.#waiting.delete(data.id);
      if (data.error || data === "trapped") reject(new Error(data.error?.message ?? data));
      else resolve(data.value);
    });
    this.worker.addEventListener("error", ({ message }) => this.#waiting.forEach(({ reject }) => reject(new Error(message))));
  }

  /** @param {object} request */
  ask(request) {
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.worker.postMessage({ ...request, id });
    });
  }
}

globalThis.bench = {
  /**
   * @param {string} name
   * @param {string} script
   * @param {WorkerType} type
   * @param {object} request
   */
  async load(name, script, type, request) {
    const engine = new Engine(script, type);
    engines.set(name, engine);
    await engine.ask({ type: "load", ...request });
  },

  /**
   * Starts our engine in the package's own worker, which gets code and model in the same way as from the package.
   * @param {string} script
   * @param {{ folder: string, engine: string, model: string, threads: number }} request `folder`: the folder of the package
   */
  async loadOurs(script, { folder, engine: name, model, threads }) {
    const engine = new Engine(script);
    engines.set("ours", engine);
    const at = (/** @type {string} */ file) => new URL(`../${folder}/${file}`, import.meta.url).href;
    await engine.ask({ type: "prepare", script: at(`engines/${name}/daad.js`), worker: at("worker.js"), threads, channel: "bench" });
    const [module, weights] = await Promise.all([WebAssembly.compileStreaming(fetch(at(`engines/${name}/daad_bg.wasm`))), (await fetch(model)).arrayBuffer()]);
    await engine.ask({ type: "start", module });
    await engine.ask({ type: "load", key: 1, model: new Uint8Array(weights) });
  },

  /**
   * Scores the image with both engines. The peer gets the pixels that our engine decoded.
   * @param {string} image address
   */
  async first(image) {
    const bytes = new Uint8Array(await (await fetch(image)).arrayBuffer());
    const ours = await engines.get("ours").ask({ type: "detect", key: 1, image: bytes });
    engines.get("ours").image = bytes;
    const { input } = ours;
    if (!engines.has("peer")) return { ours: scores(ours) };
    return { ours: scores(ours), peer: scores(await engines.get("peer").ask({ type: "detect", pixels: input })) };
  },

  /** The time in milliseconds, measured inside the worker. @param {string} name */
  async time(name) {
    const engine = engines.get(name);
    const { elapsedMs } = await engine.ask({ type: "detect", key: 1, image: engine.image });
    return elapsedMs;
  },

  /** The size of the WebAssembly memory in bytes. @param {string} name */
  memory(name) {
    return engines.get(name).ask({ type: "memory" });
  },
};

/** The part of a result that the driver compares. */
function scores({ reconstructionScore, alignmentScore, errorMap }) {
  return { reconstructionScore, alignmentScore, errorMap: [...errorMap] };
}
