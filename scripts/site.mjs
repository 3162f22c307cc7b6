/**
 * Puts a site folder together: the page, the engine, the models, a manifest of sizes and hashes, and a compressed copy of each file that gains by it.
 * Compressed copies are kept by content hash in a folder beside the site, for compressing the engine takes a while.
 */

import { createHash } from "node:crypto";
import { cp, mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const WWW = fileURLToPath(new URL("../www", import.meta.url));
const COMPRESSED = new Set([".js", ".css", ".html", ".json", ".wasm", ".safetensors", ".svg", ".txt"]);
const LARGE_BYTES = 1e6; // brotli's best quality takes minutes above this

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function main() {
  const { pkg, models, out } = options();
  const modelNames = (await readdir(models).catch(() => [])).filter((name) => extname(name) === ".safetensors").sort();
  if (modelNames.length === 0) throw new Error(`--models: ${models} holds no .safetensors file, and the page needs one.`);

  await assertReplaceable(out);
  const site = `${out}-unfinished`; // takes its name only when whole
  await rm(site, { recursive: true, force: true });
  await cp(WWW, site, { recursive: true });
  await copy(pkg, ["daad.js", "daad_bg.wasm"], join(site, "pkg"));
  if (existsSync(join(pkg, "snippets"))) await cp(join(pkg, "snippets"), join(site, "pkg", "snippets"), { recursive: true });
  await copy(models, modelNames, join(site, "models"));
  await writeFile(join(site, "manifest.json"), `${JSON.stringify(await manifest(site, modelNames), null, 2)}\n`);
  await compressAll(site, `${out}-compressed`);
  await rm(out, { recursive: true, force: true });
  await rename(site, out);
}

/**
 * @param {string} site
 * @param {string[]} modelNames
 */
async function manifest(site, modelNames) {
  return {
    engine: { ...(await describe(site, "pkg/daad_bg.wasm")), script: await describe(site, "pkg/daad.js") },
    models: await Promise.all(modelNames.map(async (name) => ({ ...(await describe(site, `models/${name}`)), name: basename(name, ".safetensors") }))),
  };
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
 * @param {string} site
 * @param {string} store
 */
async function compressAll(site, store) {
  await mkdir(store, { recursive: true });
  const used = new Set();
  for (const file of await filesIn(site)) {
    if (!COMPRESSED.has(extname(file))) continue;
    const content = await readFile(file);
    await Promise.all(
      [["br", brotli], ["gz", gz]].map(async ([suffix, compress]) => {
        const key = `${hashOf(content)}.${suffix}`;
        used.add(key);
        const kept = join(store, key);
        if (!existsSync(kept)) {
          await writeFile(`${kept}.part`, await /** @type {typeof gz} */ (compress)(content));
          await rename(`${kept}.part`, kept); // whole or not at all, however this ends
        }
        const result = await readFile(kept);
        if (result.length < content.length) await writeFile(`${file}.${suffix}`, result);
      }),
    );
  }
  for (const name of await readdir(store)) if (!used.has(name)) await rm(join(store, name));
}

/** @param {Buffer} content */
function brotli(content) {
  const large = content.length > LARGE_BYTES;
  return promisify(brotliCompress)(content, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: large ? 9 : 11,
      [constants.BROTLI_PARAM_LGWIN]: large ? constants.BROTLI_MAX_WINDOW_BITS : constants.BROTLI_DEFAULT_WINDOW,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    },
  });
}

/** @param {Buffer} content */
function gz(content) {
  return promisify(gzip)(content, { level: content.length > LARGE_BYTES ? 6 : 9 });
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
