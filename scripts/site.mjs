/**
 * Puts a site folder together: the page, the engines, the models, a manifest of sizes and hashes, and a compressed copy of each file that gains by it.
 * Compressed copies are kept by content hash in a folder beside the site, for compressing the engines takes a while.
 */

import { createHash } from "node:crypto";
import { cp, mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { build } from "esbuild";

const WWW = fileURLToPath(new URL("../www", import.meta.url));
const COMPRESSED = new Set([".js", ".css", ".html", ".json", ".wasm", ".safetensors", ".svg", ".txt", ".webmanifest"]);
/** The first is there always; the page does without the others. */
const ENGINES = ["cpu", "cpu-threads", "cpu-threads-relaxed", "webgpu", "learn-threads"];
const OF_AN_ENGINE = ["daad.js", "daad_bg.wasm"];
/** What a page runs at once is no module: a module would wait until the page is laid out. */
const BUNDLES = /** @type {const} */ ([
  { names: ["thread.js"], format: "esm" },
  { names: ["worker.js"], format: "esm" },
  { names: ["teacher.js"], format: "esm" },
  { names: ["service-worker.js"], format: "iife" },
  { names: ["idea.js", "inside.js", "break.js", "series.js", "live.js", "teach.js", "tour.js", "list.js", "swipe.js", "offline.js"], format: "esm", splitting: true, chunkNames: "shared-[hash]" }, // what comes later, and shares a library
  { names: ["main.js"], format: "iife", define: { "import.meta.url": "location.href" } },
  { names: ["style.css"] },
]);

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function main() {
  const { pkg, models, out } = options();
  const modelNames = (await readdir(models).catch(() => [])).filter((name) => extname(name) === ".safetensors").sort();
  const series = (await readdir(join(models, "series")).catch(() => [])).filter((name) => extname(name) === ".safetensors").sort(byNumber);
  if (modelNames.length === 0) throw new Error(`--models: ${models} holds no .safetensors file, and the page needs one.`);

  await assertReplaceable(out);
  const site = `${out}-unfinished`; // takes its name only when whole
  await rm(site, { recursive: true, force: true });
  await cp(WWW, site, { recursive: true, filter: (file) => ![".js", ".css"].includes(extname(file)) && !isAllCode(file) });
  const engines = ENGINES.filter((name, i) => i === 0 || existsSync(join(pkg, name)));
  for (const name of engines) await copy(join(pkg, name), OF_AN_ENGINE, join(site, "pkg", name));
  await copy(models, modelNames, join(site, "models"));
  await copy(join(models, "series"), series, join(site, "models/series"));
  await bundle(site);
  await writeFile(join(site, "manifest.json"), `${JSON.stringify(await manifest(site, engines, modelNames, series), null, 2)}\n`);
  await compressAll(site, `${out}-compressed`);
  await rm(out, { recursive: true, force: true });
  await rename(site, out);
}

/**
 * @param {string} site
 * @param {string[]} engines
 * @param {string[]} modelNames
 * @param {string[]} series
 */
async function manifest(site, engines, modelNames, series) {
  const models = (/** @type {string} */ folder, /** @type {string[]} */ names) =>
    Promise.all(names.map(async (name) => ({ ...(await describe(site, `${folder}/${name}`)), name: basename(name, ".safetensors") })));
  return {
    engines: Object.fromEntries(await Promise.all(engines.map(async (name) => [name, { ...(await describe(site, `pkg/${name}/daad_bg.wasm`)), script: await describe(site, `pkg/${name}/daad.js`) }]))),
    models: await models("models", modelNames),
    series: await models("models/series", series),
    scripts: (await readdir(site)).filter((name) => extname(name) === ".js"),
  };
}

/** A folder of nothing but scripts, all of which are in the bundles. @param {string} path */
function isAllCode(path) {
  return statSync(path).isDirectory() && readdirSync(path).every((name) => extname(name) === ".js");
}

/** r2 before r16. @param {string} a @param {string} b */
function byNumber(a, b) {
  return a.localeCompare(b, "en", { numeric: true });
}

/**
 * @param {string} site
 * @param {string} file
 */
async function describe(site, file) {
  const content = await readFile(join(site, file));
  return { file, bytes: content.length, hash: hashOf(content) };
}

/**
 * The page in few files. Those that it names have addresses that change with what they hold, so that browsers may keep them; not so workers, whose
 * answers carry headers that may change too.
 * @param {string} site
 */
async function bundle(site) {
  const shared = /** @type {const} */ ({ outdir: site, bundle: true, target: "es2022", charset: "utf8", minify: true, sourcemap: true, logLevel: "warning" });
  await Promise.all(BUNDLES.map(({ names, ...options }) => build({ ...shared, ...options, entryPoints: names.map((name) => join(WWW, name)) })));
  const page = join(site, "index.html");
  let html = await readFile(page, "utf8");
  for (const name of ["main.js", "style.css"]) html = html.replace(`="${name}"`, `="${name}?v=${hashOf(await readFile(join(site, name)))}"`);
  await writeFile(page, preload(html, ["manifest.json", "gallery/gallery.json"]));
}

/**
 * Has the page ask at once for what its script is going to need.
 * @param {string} html
 * @param {string[]} files
 */
function preload(html, files) {
  const links = files.map((file) => `<link rel="preload" href="${file}" as="fetch" crossorigin>`);
  return html.replace(/( *)<script /, (script, indent) => links.map((link) => `${indent}${link}\n`).join("") + script);
}

/**
 * @param {string} site
 * @param {string} store
 */
async function compressAll(site, store) {
  await mkdir(store, { recursive: true });
  const files = (await filesIn(site)).filter((file) => COMPRESSED.has(extname(file)));
  const used = new Set((await Promise.all(files.map((file) => compress(file, store)))).flat());
  for (const name of await readdir(store)) if (!used.has(name)) await rm(join(store, name));
}

/**
 * @param {string} file
 * @param {string} store
 * @returns {Promise<string[]>} what of the store it used
 */
async function compress(file, store) {
  const content = await readFile(file);
  return Promise.all(
    /** @type {const} */ ([["br", brotli], ["gz", gz]]).map(async ([suffix, squeeze]) => {
      const key = `${hashOf(content)}.${suffix}`;
      const kept = join(store, key);
      if (!existsSync(kept)) {
        const part = `${kept}.${basename(dirname(file))}.${basename(file)}.part`; // another file may have the same content
        await writeFile(part, await squeeze(content));
        await rename(part, kept); // whole or not at all, however this ends
      }
      const result = await readFile(kept);
      if (result.length < content.length) await writeFile(`${file}.${suffix}`, result);
      return key;
    }),
  );
}

/** The best quality: half a minute for the largest file. @param {Buffer} content */
function brotli(content) {
  return promisify(brotliCompress)(content, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    },
  });
}

/** @param {Buffer} content */
function gz(content) {
  return promisify(gzip)(content, { level: 9 });
}

/** @param {Buffer} content */
function hashOf(content) {
  return createHash("sha256").update(content).digest("hex").slice(0, 16);
}

/**
 * Only a folder that this script made may be replaced.
 * @param {string} out
 */
async function assertReplaceable(out) {
  const names = existsSync(out) ? await readdir(out) : [];
  if (names.length > 0 && !names.includes("manifest.json")) throw new Error(`--out: ${out} holds files but no site; name a new folder or an earlier site.`);
}

/**
 * @param {string} from
 * @param {string[]} names
 * @param {string} to
 */
async function copy(from, names, to) {
  await mkdir(to, { recursive: true });
  for (const name of names) {
    if (!existsSync(join(from, name))) throw new Error(`${join(from, name)} is missing: build it first.`);
    await cp(join(from, name), join(to, name));
  }
}

/**
 * @param {string} dir
 * @returns {Promise<string[]>}
 */
async function filesIn(dir) {
  const entries = await readdir(dir, { withFileTypes: true });
  const lists = entries.map((entry) => (entry.isDirectory() ? filesIn(join(dir, entry.name)) : [join(dir, entry.name)]));
  return (await Promise.all(lists)).flat();
}

function options() {
  const { values } = parseArgs({ options: { pkg: { type: "string" }, models: { type: "string" }, out: { type: "string" } } });
  if (!values.pkg || !values.models || !values.out) throw new Error("Usage: node scripts/site.mjs --pkg DIR --models DIR --out DIR");
  const out = resolve(values.out);
  if (dirname(out) === out) throw new Error("--out must not be a whole disk.");
  return { pkg: resolve(values.pkg), models: resolve(values.models), out };
}
