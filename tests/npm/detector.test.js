/** Tests the packed package in Node: its results, and its behaviour when something fails. Needs DAAD_PACKAGE and DAAD_NATIVE_SCORES; DAAD_HOSTS is not used. */

import assert from "node:assert/strict";
import { cp, readFile, rename, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import test, { after, before, describe } from "node:test";
import { pathToFileURL } from "node:url";
import { assertClose } from "../web/support/close.js";
import { FLOORS, MODEL, PLUS_MODEL, SMALL_MODEL, bytesOf, createProject, nativeScores, run } from "./support/project.js";

/** @typedef {typeof import("daad")} Daad */

const FLOOR = join(FLOORS, "good-1.png");

/** In this time an engine begins to start, but is not started. */
const STARTING_MS = 10;

/** @type {Awaited<ReturnType<typeof createProject>>} */
let project;
/** @type {Daad} */
let daad;

before(async () => {
  project = await createProject();
  daad = await entry("index.node.js");
});

after(() => project?.remove());

/** @param {string} name @param {string} [dir] @returns {Promise<any>} */
function entry(name, dir = project.dir) {
  return import(pathToFileURL(join(dir, "node_modules/daad", name)).href);
}

/** @param {Promise<unknown>} promise @param {string} code @param {RegExp} [message] */
async function fails(promise, code, message = /^[A-Z].*[.]$/s) {
  const error = await promise.then(() => assert.fail(`it does not fail with ${code}`), (error) => error);
  assert.deepEqual([error.name, error.code], ["DaadError", code], String(error));
  assert.match(error.message, message);
  return error;
}

describe("an engine", () => {
  for (const name of ["cpu", "cpu-threads", "learn-threads", "webgpu"]) {
    // If the linker takes a module for a command, it wraps each function so that every call initializes the module again.
    test(`initializes itself once, not in every call: ${name}`, async () => {
      const code = await readFile(join(project.dir, "node_modules/daad/engines", name, "daad_bg.wasm"));
      const functions = WebAssembly.Module.exports(new WebAssembly.Module(Uint8Array.from(code)));
      assert.ok(functions.length > 10);
      assert.deepEqual(functions.filter(({ name }) => name.includes("command_export")), []);
    });
  }
});

describe("a detector", () => {
  for (const name of ["index.node.js", "inline.node.js"]) {
    test(`from ${name} gives the same for a file, its pixels, a batch and tiles`, async () => {
      const { Detector } = await entry(name);
      const native = await nativeScores();
      /** @type {import("daad").Progress[]} */
      const progress = [];
      const detector = await Detector.load(MODEL, { onProgress: (/** @type {import("daad").Progress} */ one) => progress.push(one) });
      assert.equal(progress.at(-1)?.stage, "starting");
      assert.equal(progress.at(-1)?.loadedBytes, progress.at(-1)?.totalBytes);
      const files = await Promise.all(native.map(({ path }) => bytesOf(path)));
      const batch = await detector.detectBatch(files);
      for (const [at, { score, anomalous, verdict, path }] of native.entries()) {
        assertClose(batch[at].score, score, path);
        assert.deepEqual([batch[at].anomalous, batch[at].verdict], [anomalous, verdict]);
      }
      const [file] = files;
      const alone = await detector.detect(new Blob([file ?? new Uint8Array()]));
      assert.equal(alone.score, batch[0].score);
      assert.deepEqual([alone.width, alone.height, alone.input.length, alone.errorMap.length], [128, 128, 4 * 128 * 128, 128 * 128]);
      assert.ok(alone.elapsedMs > 0 && alone.reconstructionScore > 0 && alone.alignmentScore === null);
      const again = await detector.detect({ data: alone.input, width: alone.width, height: alone.height });
      assert.equal(again.score, alone.score, "of its own input");
      const tiled = await detector.detectTiled({ data: alone.input, width: alone.width, height: alone.height }, { errorMap: true });
      assert.deepEqual([tiled.tiles.length, tiled.score, tiled.errorMap.length], [1, alone.score, 128 * 128]);
      /** @type {number[][]} */
      const told = [];
      const small = await detector.detectTiled(file, { tile: 64, overlap: 0.5, onProgress: (/** @type {number} */ done, /** @type {number} */ all) => told.push([done, all]) });
      assert.equal(small.score, Math.max(...small.tiles.map((/** @type {import("daad").Tile} */ tile) => tile.score)));
      assert.deepEqual(told.at(-1), [small.tiles.length, small.tiles.length]);
      detector.setThreshold(alone.score + 1);
      const lenient = await detector.detect(file);
      assert.deepEqual([lenient.verdict, lenient.anomalous, lenient.threshold], ["normal", false, alone.score + 1]);
      const noise = await detector.detect({ data: Uint8ClampedArray.from({ length: 4 * 64 * 64 }, (_, at) => (at * 97) % 251), width: 64, height: 64 });
      assert.equal(noise.verdict, "unfamiliar");
      assert.equal(noise.note, "");
      const wide = await detector.detect({ data: new Uint8Array(4 * 90 * 60), width: 90, height: 60 });
      assert.equal(wide.note, "its 90 × 60 pixels were stretched to this model’s shape, 128 × 128");
      assert.ok(noise.unfamiliarity > 1);
      assert.equal((await detector.inspect(alone, { scale: 0, row: 0, column: 0 }, 3)).items.length, 3);
      detector.close();
      await fails(detector.detect(file), "closed");
    });

    test(`from ${name} weighs the alignment score of a model that has one`, async () => {
      const { Detector } = await entry(name);
      const detector = await Detector.load(PLUS_MODEL);
      const { reconstruction, alignment, gamma } = detector.info;
      const [{ path }] = await nativeScores();
      const { score, reconstructionScore, alignmentScore } = await detector.detect(await bytesOf(path));
      const scaled = (/** @type {number} */ raw, /** @type {{ min: number, max: number }} */ { min, max }) => (raw - min) / (max - min);
      assert.ok(alignmentScore > 0 && gamma < 1);
      assertClose(score, gamma * scaled(reconstructionScore, reconstruction) + (1 - gamma) * scaled(alignmentScore, alignment));
      detector.close();
    });

    test(`from ${name} reads buffers and arrays when it is called, whatever becomes of them afterwards`, async () => {
      const { Detector } = await entry(name);
      const detector = await Detector.load(SMALL_MODEL);
      const floor = await bytesOf(FLOOR);
      const expected = await detector.detect(floor);
      const file = new Uint8Array(floor);
      const pixels = { data: expected.input.slice(), width: expected.width, height: expected.height };
      const queue = Array(16).fill(floor);
      const asked = [detector.detect(file), detector.detect(file.buffer), detector.detect(pixels)];
      const batch = detector.detectBatch(queue);
      for (const buffer of [file, pixels.data]) buffer.fill(0);
      queue.length = 0;
      for (const { score } of await Promise.all(asked)) assert.equal(score, expected.score);
      assert.equal((await batch).length, 16);
      const place = { scale: 0, row: 0, column: 0 };
      const before = await detector.inspect(expected, place);
      expected.input.fill(0);
      assert.notDeepEqual(await detector.inspect(expected, place), before);
      detector.close();
    });

    test(`from ${name} says what it cannot use, and goes on`, async () => {
      const { Detector } = await entry(name);
      const detector = await Detector.load(SMALL_MODEL);
      const floor = await bytesOf(FLOOR);
      const { score } = await detector.detect(floor);
      await fails(detector.detect(new Uint8Array(100)), "image", /file of nothing but zeros/);
      await fails(detector.detect({ data: new Uint8Array(7), width: 2, height: 2 }), "image");
      await fails(detector.detect(/** @type {any} */ ("floor.png")), "argument");
      await fails(detector.detect(/** @type {any} */ (null)), "argument");
      await fails(detector.detectBatch(/** @type {any} */ (floor)), "argument", /array/);
      const taken = new Uint8Array(100);
      structuredClone(taken, { transfer: [taken.buffer] });
      await fails(detector.detect(taken), "image");
      await fails(detector.detectTiled(floor, { overlap: 1 }), "argument", /overlap/);
      await fails(detector.detectTiled(floor, { tile: /** @type {any} */ ("big") }), "argument");
      assert.equal((await fails(detector.detectBatch([...Array(9).fill(floor), new Uint8Array(3)]), "image")).index, 9);
      await fails(detector.inspect(await detector.detect(floor), { scale: 9, row: 0, column: 0 }), "argument");
      assert.throws(() => detector.setThreshold(NaN), { code: "argument" });
      assert.equal((await detector.detect(floor)).score, score);
      detector.close();

      const model = await bytesOf(SMALL_MODEL);
      await fails(Detector.load(new Uint8Array(100)), "model");
      await fails(Detector.load(model.subarray(0, model.length - 1)), "download", /cut off/);
      await fails(Detector.load("nothing.safetensors"), "download", /could not be read/);
      const gone = Object.assign(new Blob([model]), { arrayBuffer: () => Promise.reject(new DOMException("it was removed", "NotReadableError")) });
      await fails(Detector.load(gone), "download", /changed or removed/);
      await fails(Detector.load(/** @type {any} */ (7)), "argument");
      await fails(Detector.load(model, { backend: /** @type {any} */ ("gpu") }), "argument");
    });
  }

  test("is given up when its signal says so, at any time", async () => {
    const { Detector } = daad;
    const reason = new Error("enough");
    const early = new AbortController();
    const loading = Detector.load(MODEL, { signal: early.signal });
    early.abort(reason);
    await assert.rejects(loading, reason);
    await assert.rejects(Detector.load(MODEL, { signal: AbortSignal.abort(reason) }), reason);
    const detector = await Detector.load(MODEL);
    const [first, second] = [new AbortController(), new AbortController()];
    const floor = await bytesOf(FLOOR);
    const running = detector.detect(floor, { signal: first.signal });
    const waiting = detector.detect(floor, { signal: second.signal });
    const last = detector.detect(floor);
    second.abort(reason);
    first.abort(reason);
    await assert.rejects(running, reason);
    await assert.rejects(waiting, reason);
    const third = new AbortController();
    const batch = detector.detectBatch([floor, floor], { signal: third.signal });
    third.abort("cancelled");
    assert.equal(await batch.catch((error) => error), "cancelled", "a reason need not be an error");
    assert.ok((await last).score > 0, "others are not");
    detector.close();
  });

  test("does not go on with tiles that nobody waits for", { timeout: 60_000 }, async () => {
    const { Detector } = daad;
    const detector = await Detector.load(MODEL);
    const enough = new AbortController();
    const large = { data: new Uint8Array(4 * 4000 * 4000), width: 4000, height: 4000 };
    const start = performance.now();
    const tiled = detector.detectTiled(large, { signal: enough.signal, onProgress: () => enough.abort() });
    await assert.rejects(tiled, { name: "AbortError" });
    // The second abort comes while the engine starts again.
    const late = new AbortController();
    const again = detector.detectTiled(large, { signal: late.signal });
    setTimeout(() => late.abort(), STARTING_MS);
    await assert.rejects(again, { name: "AbortError" });
    await detector.detect(await bytesOf(FLOOR));
    assert.ok(performance.now() - start < 10_000, "the next image does not wait for a thousand tiles");
    await assert.rejects(detector.detectTiled(await bytesOf(FLOOR), { onProgress: () => assert.fail("mine") }), /mine/);
    detector.close();
  });

  test("that is closed while its engine starts again answers nothing", async () => {
    const detector = await daad.Detector.load(SMALL_MODEL);
    const enough = new AbortController();
    const large = { data: new Uint8Array(4 * 1000 * 1000), width: 1000, height: 1000 };
    const tiled = detector.detectTiled(large, { signal: enough.signal, onProgress: () => enough.abort() }); // the abort ends the engine
    await assert.rejects(tiled, { name: "AbortError" });
    const late = detector.detect(await bytesOf(FLOOR));
    setTimeout(() => detector.close(), STARTING_MS);
    await fails(late, "closed");
  });

  test("may share its engine, and each closes for itself", async () => {
    const { Detector } = daad;
    const first = await Detector.load(MODEL);
    const second = await Detector.load(SMALL_MODEL, { beside: first });
    const floor = await bytesOf(FLOOR);
    assert.deepEqual([(await first.detect(floor)).width, (await second.detect(floor)).width], [128, 64]);
    first.close();
    assert.equal((await second.detect(floor)).width, 64);
    await fails(Detector.load(SMALL_MODEL, { beside: first }), "closed");
    second.close();
  });

  test("of a response from a server, cut off or missing", async () => {
    const { Detector } = daad;
    const model = await bytesOf(SMALL_MODEL);
    const server = createServer(({ url }, response) => {
      if (url === "/gone") return void response.writeHead(404).end();
      response.writeHead(200, { "content-length": model.length });
      if (url === "/broken") return void response.write(model.subarray(0, 1000), () => response.destroy());
      return void response.end(model);
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(null)));
    const at = `http://127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}`;
    (await Detector.load(`${at}/model`)).close();
    (await Detector.load(new URL(`${at}/model`))).close();
    (await Detector.load(await fetch(`${at}/model`))).close();
    await fails(Detector.load(`${at}/gone`), "download", /404/);
    await fails(Detector.load(await fetch(`${at}/gone`)), "download", /404/);
    await fails(Detector.load(`${at}/broken`), "download", /broke off/);
    server.close();
    server.closeAllConnections();
    await fails(Detector.load(`${at}/model`), "download", /check the connection/);
  });

  test("does not keep its program from ending", async () => {
    assert.equal(await run(project.dir, `import { Detector } from "daad"; const detector = await Detector.load(${JSON.stringify(SMALL_MODEL)}); console.log(JSON.stringify(detector.info.width));`), 64);
  });

  test("does not keep its program from ending after an image that cannot be sent", { timeout: 40_000 }, async () => {
    const code = await run(
      project.dir,
      `import { Detector } from "daad";
      const detector = await Detector.load(process.argv[2]);
      const data = new Uint8ClampedArray(4 * 64 * 64);
      structuredClone(data, { transfer: [data.buffer] });
      const error = await detector.detect({ data, width: 64, height: 64 }).catch((error) => error);
      console.log(JSON.stringify([error.name, error.code]));`,
      [SMALL_MODEL],
    );
    assert.deepEqual(code, ["DaadError", "image"]);
  });
});

test("training may be paused, and ended early; its errors are those of the package", { timeout: 60_000 }, async () => {
  const { train } = await entry("train.node.js");
  const images = await Promise.all(["good-1", "good-2", "good-3", "good-4"].map((name) => bytesOf(join(FLOORS, `${name}.png`))));
  /** @type {string[]} */
  const events = [];
  const training = train(images, { seconds: 60, onProgress: (/** @type {{ type: string }} */ { type }) => events.push(type) });
  const learned = async () => {
    const before = events.length;
    while (!events.slice(before).includes("learned")) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await learned();
  training.pause();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const paused = events.length;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  assert.equal(events.length, paused, "it rests");
  training.pause(); // once more changes nothing
  training.resume();
  await learned();
  training.finish();
  const detector = await daad.Detector.load(await training.model);
  assert.ok((await detector.detect(images[0] ?? new Uint8Array())).score !== 0);
  detector.close();
  const error = await fails(train(images.slice(1, 2)).model, "argument");
  assert.ok(error instanceof daad.DaadError, "whichever script it comes from");
  await fails(train(/** @type {any} */ (images[0])).model, "argument", /array/);
});

test("training that is cancelled while its engine starts does not keep its program from ending", { timeout: 40_000 }, async () => {
  const reasons = await run(
    project.dir,
    `import { readFile } from "node:fs/promises";
    import { train } from "daad/train";
    const images = await Promise.all(process.argv.slice(2).map((path) => readFile(path)));
    const reasons = [];
    for (const ms of [10, 100, 200, 400]) {
      const controller = new AbortController();
      const { model } = train(images, { signal: controller.signal });
      setTimeout(() => controller.abort("enough"), ms);
      reasons.push(await model.catch((reason) => reason));
    }
    console.log(JSON.stringify(reasons));`,
    [1, 2, 3, 4].map((number) => join(FLOORS, `good-${number}.png`)),
  );
  assert.deepEqual(reasons, Array(4).fill("enough"));
});

describe("an engine that fails", () => {
  /** @type {string} */
  let dir;
  /** @type {Daad} */
  let faulty;

  /** Real engines that an image can make fail: the image's first words name the fault and the engines. */
  before(async () => {
    dir = join(project.dir, "faulty");
    await cp(join(project.dir, "node_modules"), join(dir, "node_modules"), { recursive: true });
    for (const name of ["cpu", "cpu-threads", "cpu-threads-relaxed"]) {
      const folder = join(dir, "node_modules/daad/engines", name);
      await rename(join(folder, "daad.js"), join(folder, "real.js"));
      await writeFile(join(folder, "daad.js"), FAULTY);
    }
    faulty = await entry("index.node.js", dir);
  });

  const FAULTY = `
    import { existsSync, writeFileSync } from "node:fs";
    import create from "./real.js";
    export default function () {
      const real = create();
      let memory;
      return {
        default: async (input) => { const exports = await real.default(input); memory = exports.memory; return exports; },
        warmUp: real.warmUp,
        startThreads: real.startThreads,
        runThread: () => { real.runThread(); },
        Detector: { load: async (model) => {
          const detector = await real.Detector.load(model);
          return { info: () => detector.info(), detect: async (image) => {
            const [word, where, flag] = new TextDecoder().decode(image.subarray(0, 200)).split(" ");
            const isHere = where === "everywhere" || (where === "threads" && import.meta.url.includes("-threads/") + import.meta.url.includes("-relaxed/") > 0) || (where === "once" && !existsSync(flag));
            if (where === "once" && isHere) writeFileSync(flag, "");
            if (word === "FAULT-trap" && isHere) throw new WebAssembly.RuntimeError("unreachable");
            if (word === "FAULT-uncaught" && isHere) { queueMicrotask(() => { throw new WebAssembly.RuntimeError("unreachable"); }); await new Promise(() => {}); }
            if (word === "FAULT-hang" && isHere) for (;;);
            if (word === "FAULT-silence" && isHere) await new Promise(() => {});
            if (word === "FAULT-device" && isHere) throw Object.assign(new Error("device: it was lost"), { code: "engine" });
            if (word === "FAULT-exit" && isHere) process.exit(1);
            if (word === "FAULT-memory" && isHere) { for (;;) try { memory.grow(16); } catch { break; } return detector.detect({ data: new Uint8Array(4 * 4000 * 4000), width: 4000, height: 4000 }); }
            return detector.detect(word.startsWith("FAULT") ? (await import("node:fs")).readFileSync(${JSON.stringify(FLOOR)}) : image);
          } };
        } },
      };
    }
  `;

  let flags = 0;
  /** @param {string} fault @param {string} where */
  function image(fault, where) {
    return new TextEncoder().encode(`FAULT-${fault} ${where} ${join(dir, `flag-${flags++}`)} `);
  }

  for (const fault of ["trap", "uncaught", "hang", "silence", "device", "exit", "memory"]) {
    test(`by ${fault}: once, it is replaced; on threads, one core does the work; everywhere, the request fails, and the next does not`, { timeout: 60_000 }, async () => {
      const patienceMs = ["hang", "silence", "memory"].includes(fault) ? 1000 : 20_000; // only these wait for it; otherwise a busy machine needs more
      const detector = await faulty.Detector.load(SMALL_MODEL, { patienceMs, threads: 2 });
      const floor = await bytesOf(FLOOR);
      const { score } = await detector.detect(floor);
      const before = detector.engine;
      assert.equal((await detector.detect(image(fault, "once"))).score, score);
      assert.deepEqual(detector.engine, before);
      const [failed, waiting] = [detector.detect(image(fault, "everywhere")), detector.detect(floor)];
      await fails(failed, "engine");
      assert.equal((await waiting).score, score, "what waited is done by the next engine");
      assert.deepEqual(detector.engine, before, "which is of the same kind");
      if (before.threads > 1) {
        assertClose((await detector.detect(image(fault, "threads"))).score, score);
        assert.equal(detector.engine.threads, 1);
        assert.match(detector.engine.note, /^Threads were tried and did not work.*The reason: .+\.$/);
      }
      detector.close();
    });
  }

  test("because its code is cut off gives way; without any, the error says so", async () => {
    const cut = join(project.dir, "cut");
    await cp(join(project.dir, "node_modules"), join(cut, "node_modules"), { recursive: true });
    const { Detector } = await entry("index.node.js", cut);
    for (const name of ["cpu-threads", "cpu-threads-relaxed"]) await truncate(join(cut, "node_modules/daad/engines", name, "daad_bg.wasm"), 1000);
    const detector = await Detector.load(SMALL_MODEL);
    assert.equal(detector.engine.threads, 1);
    detector.close();
    await truncate(join(cut, "node_modules/daad/engines/cpu/daad_bg.wasm"), 1000);
    await fails(Detector.load(SMALL_MODEL), "download", /damaged: it has 1000 bytes/);
  });

  test("does not run what is not wasm", async () => {
    const odd = join(project.dir, "odd");
    await cp(join(project.dir, "node_modules"), join(odd, "node_modules"), { recursive: true });
    const { Detector } = await entry("index.node.js", odd);
    for (const name of ["cpu", "cpu-threads", "cpu-threads-relaxed"]) {
      const file = join(odd, "node_modules/daad/engines", name, "daad_bg.wasm");
      await writeFile(file, Buffer.alloc((await readFile(file)).length));
    }
    await fails(Detector.load(SMALL_MODEL), "unsupported");
  });
});
