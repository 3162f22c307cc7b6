/** A site with both sides: the page as it is built, the peer's files, and the models of the benchmarks. It is served by the page's own server. */

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
import { build } from "esbuild";
import { serve } from "../../tests/web/support/server.js";
import { FOLDER, ROOT } from "./settings.js";

export const ORT = join(ROOT, "benches/node_modules/onnxruntime-web/dist");

/** For each provider, the script and the wasm file that the exports of ONNX Runtime Web name. */
export const RUNTIME = {
  wasm: ["ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"],
  webgpu: ["ort.webgpu.bundle.min.mjs", "ort-wasm-simd-threaded.asyncify.wasm"],
};

const LITERT = join(ROOT, "benches/node_modules/@litertjs/core/wasm");

/** Larger files are not compressed: random weights of w = 64 would take minutes and get no smaller. */
const LARGE_BYTES = 64e6;

/** @param {string[]} files models of either side, and images */
export async function openSite(files) {
  const dir = join(FOLDER, "site");
  await rm(dir, { recursive: true, force: true });
  const built = await page();
  await cp(built, dir, { recursive: true });
  await cp(join(ROOT, "benches/web"), join(dir, "bench"), { recursive: true });
  const own = (await readdir(dir)).find((name) => name.startsWith("daad-")) ?? missing("the package");
  const worker = join(dir, "bench/ours-worker.js");
  await writeFile(worker, (await readFile(worker, "utf8")).replace("../worker.js", `../${own}/worker.js`));
  await mkdir(join(dir, "pkg/ort"), { recursive: true });

  // LiteRT's runtime loads its code from the folder of its worker.
  await cp(LITERT, join(dir, "pkg/litert"), { recursive: true });
  await build({ entryPoints: [join(ROOT, "benches/web/peer.js")], bundle: true, format: "esm", outfile: join(dir, "bench/peer.js"), allowOverwrite: true, logLevel: "warning" });
  await build({ entryPoints: [join(ROOT, "benches/web/litert-worker.js")], bundle: true, format: "iife", outfile: join(dir, "pkg/litert/litert-worker.js"), logLevel: "warning" });

  /** @type {Map<string, { file: string, bytes: number, hash: string, name: string }>} */
  const known = new Map();
  /** @param {string} source @param {string} file */
  const put = async (source, file) => {
    const content = await readFile(source);
    await writeFile(join(dir, file), content);
    if (/\.(mjs|wasm|onnx)$/.test(file) && content.length < LARGE_BYTES) await writeFile(join(dir, `${file}.br`), await brotli(content, 9)); // compressed like the site's own files
    known.set(basename(file), { file, bytes: content.length, hash: hashOf(content), name: basename(file) });
  };
  for (const name of new Set(Object.values(RUNTIME).flat())) await put(join(ORT, name), `pkg/ort/${name}`);
  for (const source of files) await put(source, `models/${basename(source)}`);

  const server = await serve(dir);
  /** The address changes with the content, so that a browser may cache the file. @param {string} source */
  const address = (source) => {
    const { file, hash } = known.get(basename(source)) ?? missing(source);
    return `/${file}?v=${hash}`;
  };
  return {
    dir,
    /** The page alone, as it is built. */
    page: built,
    url: server.url,
    /** The folder of the package. */
    folder: own,
    stop: server.stop,
    address,
    litert: { folder: "/pkg/litert/", worker: "/pkg/litert/litert-worker.js" },
    /** The addresses of ONNX Runtime Web. @param {"wasm" | "webgpu"} provider */
    runtime: (provider) => ({ script: address(RUNTIME[provider][0] ?? ""), wasm: address(RUNTIME[provider][1] ?? "") }),
  };
}

/** The hash that is part of an address. @param {Buffer} content */
export function hashOf(content) {
  return createHash("sha256").update(content).digest("hex").slice(0, 16);
}

/** The folder of the page: DAAD_SITE, or else the page as it is built now. */
async function page() {
  if (process.env["DAAD_SITE"]) return process.env["DAAD_SITE"];
  const { stdout } = await promisify(execFile)("./build.sh", ["web"], { cwd: ROOT });
  return stdout.trim();
}

/**
 * @param {Buffer} content
 * @param {number} quality
 */
export function brotli(content, quality) {
  return promisify(brotliCompress)(content, {
    params: { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS, [constants.BROTLI_PARAM_SIZE_HINT]: content.length },
  });
}

/** @param {string} source @returns {never} */
function missing(source) {
  throw new Error(`${source} is not on the site`);
}
