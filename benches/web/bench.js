/** Engines in workers of their own, asked in turn by the driver through `bench`. */

/** @type {Map<string, Engine>} */
const engines = new Map();

/** Speaks the protocol of the page's worker: each request is answered by one `done` or `failed` with its id. */
class Engine {
  #waiting = new Map();
  #id = 0;

  /** @param {string} script */
  constructor(script) {
    this.worker = new Worker(script, { type: "module" });
    this.worker.addEventListener("message", ({ data }) => {
      const { resolve, reject } = this.#waiting.get(data.id) ?? this.#waiting.values().next().value;
      this.#waiting.delete(data.id);
      if (data.type === "done") resolve(data.value);
      else reject(new Error(data.message ?? data.type));
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
   * @param {object} request
   */
  async load(name, script, request) {
    const engine = new Engine(script);
    engines.set(name, engine);
    await engine.ask({ type: "load", ...request });
  },

  /**
   * Ours, in the page's own worker, which is given code and model as the page gives them.
   * @param {string} script
   * @param {{ engine: import("../../www/types.js").EngineFiles, model: import("../../www/types.js").ModelFile, threads: number }} request
   */
  async loadOurs(script, { engine: files, model, threads }) {
    const engine = new Engine(script);
    engines.set("ours", engine);
    const at = (/** @type {import("../../www/types.js").SiteFile} */ { file, hash }) => new URL(`../${file}?v=${hash}`, import.meta.url);
    await engine.ask({ type: "prepare", script: at(files.script).href, threads });
    const [module, weights] = await Promise.all([WebAssembly.compileStreaming(fetch(at(files))), (await fetch(at(model))).arrayBuffer()]);
    await engine.ask({ type: "start", module });
    await engine.ask({ type: "load", weights: new Uint8Array(weights) });
  },

  /**
   * Both judge the very pixels that ours saw.
   * @param {string} image address
   */
  async first(image) {
    const bytes = new Uint8Array(await (await fetch(image)).arrayBuffer());
    const ours = await engines.get("ours").ask({ type: "detect", image: bytes });
    engines.get("ours").image = bytes;
    const { input } = ours.detection;
    if (!engines.has("peer")) return { ours: scores(ours) };
    return { ours: scores(ours), peer: scores(await engines.get("peer").ask({ type: "detect", pixels: input })) };
  },

  /** Milliseconds, as seen inside the worker. @param {string} name */
  async time(name) {
    const engine = engines.get(name);
    const { elapsed_ms } = await engine.ask({ type: "detect", image: engine.image });
    return elapsed_ms;
  },

  /** Bytes of WebAssembly memory. @param {string} name */
  memory(name) {
    return engines.get(name).ask({ type: "memory" });
  },
};

/** What the driver compares. */
function scores({ detection: { reconstructionScore, alignmentScore, errorMap } }) {
  return { reconstructionScore, alignmentScore, errorMap: [...errorMap] };
}
