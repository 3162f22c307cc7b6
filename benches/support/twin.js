/** A copy of the page in which ONNX Runtime Web takes the place of our package, so that only the engines differ. */

import { createHash } from "node:crypto";
import { cp, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { launch } from "../../tests/web/support/page.js";
import { serve } from "../../tests/web/support/server.js";
import { FOLDER, ROOT } from "./settings.js";
import { ORT, RUNTIME, brotli, hashOf } from "./site.js";

/**
 * @param {Awaited<ReturnType<typeof import("./site.js").openSite>>} site with our page
 * @param {string} name of the model on our page
 * @param {string} network the same model as ONNX
 */
export async function openTwin({ url, page, folder }, name, network) {
  const dir = join(FOLDER, "twin");
  await rm(dir, { recursive: true, force: true });
  await cp(page, dir, { recursive: true });
  const address = await place(network, dir, `models/${basename(network, ".onnx")}-${hashOf(await readFile(network))}.onnx`);
  const info = await infoOf(`${url}${folder}/index.js`, `${url}${await fileOf(name, dir)}`);
  const script = join(dir, folder, "index.js");
  const ours = await readFile(script);

  // Addresses that, like ours, a browser may keep for ever.
  await mkdir(join(dir, folder, "engines/peer"));
  const [api, wasm] = await Promise.all(RUNTIME.wasm.map((name) => place(join(ORT, name), dir, `${folder}/engines/peer/${name}`)));
  await build({
    entryPoints: [join(ROOT, "benches/web/detector.js")],
    outfile: script,
    allowOverwrite: true,
    bundle: true,
    minify: true,
    format: "esm",
    define: { PEER: JSON.stringify({ info, files: { script: api, wasm, model: address } }) },
  });
  await compress(script);

  // Our engine's download starts with the page's script. Theirs would start only when the model is there.
  const html = join(dir, "index.html");
  await writeFile(html, (await readFile(html, "utf8")).replace("<script ", (script) => `<link rel="preload" href="${wasm}" as="fetch" crossorigin>\n    ${script}`));
  await compress(html);

  // The service worker checks the scripts that it keeps.
  const serviceWorker = join(dir, "service-worker.js");
  await writeFile(serviceWorker, (await readFile(serviceWorker, "utf8")).replaceAll(integrityOf(ours), integrityOf(await readFile(script))));
  await compress(serviceWorker);
  return serve(dir);
}

/** The address of a model of the page. @param {string} name @param {string} dir */
async function fileOf(name, dir) {
  const version = (await readdir(dir)).find((folder) => folder.startsWith("page-")) ?? "";
  const { models } = JSON.parse(await readFile(join(dir, version, "manifest.json"), "utf8"));
  return models.find((/** @type {{ name: string }} */ model) => model.name === name).file;
}

/** What our engine says of a model. @param {string} script the package's @param {string} model */
async function infoOf(script, model) {
  const browser = await launch([]);
  try {
    const page = await browser.newPage();
    await page.goto(new URL("/", script).href);
    return await page.evaluate(async ([script = "", model]) => (await (await import(script)).Detector.load(model, { backend: "wasm" })).info, [script, model]);
  } finally {
    await browser.close();
  }
}

/**
 * @param {string} source
 * @param {string} dir
 * @param {string} file
 * @returns {Promise<string>} its address
 */
async function place(source, dir, file) {
  await cp(source, join(dir, file));
  await compress(join(dir, file));
  return `/${file}`;
}

/** Replaces the compressed copies, like those of the page. @param {string} file */
async function compress(file) {
  await rm(`${file}.gz`, { force: true });
  await writeFile(`${file}.br`, await brotli(await readFile(file), 9));
}

/** @param {Buffer} content */
function integrityOf(content) {
  return `sha256-${createHash("sha256").update(content).digest("base64")}`;
}
