/**
 * Builds the site folder: the page, the engines, the models, a manifest of sizes and hashes, and a compressed copy of each file that becomes smaller.
 * Code and models have a hash of their content in their address, so the content of such an address never changes.
 * The folder --compressed caches compressed copies by content hash, because compressing the engines takes long. Several clones may share it.
 */

import { createHash, randomUUID } from "node:crypto";
import { cp, mkdir, readFile, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, extname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { build } from "esbuild";
import { POLICY } from "../www/shared/policy.js";
import { placeCode } from "./package.mjs";

const WWW = fileURLToPath(new URL("../www", import.meta.url));
const COMPRESSED = new Set([".js", ".css", ".html", ".json", ".wasm", ".safetensors", ".svg", ".txt", ".webmanifest"]);
/** After this time a compressed copy that no site has used is removed. */
const UNUSED_MS = 30 * 86_400_000;
/** The files that a browser loads first. The modules that they import dynamically get separate files. */
const ENTRIES = ["main.js", "service-worker.js", "style.css"];
/** The modules of the package that the page imports. */
const PACKAGE = { daad: "index.js", "daad/train": "train.js" };
/** The placeholders in the service worker for the list of files to precache, and for the hashes of the package's files. */
const TO_KEEP = "self.__WB_MANIFEST";
const HASHES = "self.__HASHES";

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function main() {
  const { pkg, models, out, compressed } = options();
  const modelNames = (await readdir(models).catch(() => [])).filter((name) => extname(name) === ".safetensors").sort();
  const series = (await readdir(join(models, "series")).catch(() => [])).filter((name) => extname(name) === ".safetensors").sort(byNumber);
  if (modelNames.length === 0) throw new Error(`--models: ${models} holds no .safetensors file, and the page needs one.`);

  await assertReplaceable(out);
  const site = `${out}-unfinished`; // renamed when it is complete
  await rm(site, { recursive: true, force: true });
  await cp(WWW, site, { recursive: true, filter: (file) => ![".js", ".css"].includes(extname(file)) && !isAllCode(file) });
  const daad = await placePackage(site, pkg);
  const manifest = {
    models: await Promise.all(modelNames.map((name) => placeModel(site, join(models, name), "models"))),
    series: await Promise.all(series.map((name) => placeModel(site, join(models, "series", name), "models/series"))),
  };
  await bundle(site, manifest, daad);
  await compressAll(site, compressed);
  await rm(out, { recursive: true, force: true });
  await rename(site, out);
}

/** @typedef {{ folder: string, hashes: Record<string, string> }} Package `folder` has the hash of all files in its name; `hashes`: the hash of each file */

/**
 * Writes the package's files for browsers.
 * @param {string} site
 * @param {string} pkg
 * @returns {Promise<Package>}
 */
async function placePackage(site, pkg) {
  const unnamed = join(site, "daad");
  await placeCode(pkg, unnamed, ["browser"]);
  for (const name of ["inline.js", "element.js"]) await rm(join(unnamed, name)); // the page does not use them
  const files = (await filesIn(unnamed)).sort();
  const contents = await Promise.all(files.map((file) => readFile(file)));
  const names = files.map((file) => relative(unnamed, file));
  const folder = `daad-${hashOfAll(names, contents)}`;
  await rename(unnamed, join(site, folder));
  return { folder, hashes: Object.fromEntries(names.map((name, i) => [`${folder}/${name}`, hashOf(contents[i] ?? Buffer.alloc(0))])) };
}

/**
 * @param {string} site
 * @param {string} from
 * @param {string} folder
 */
async function placeModel(site, from, folder) {
  return { ...(await place(site, from, folder)), name: basename(from, ".safetensors") };
}

/**
 * Copies a file under a name that has the hash of its content, so that browsers may keep it for ever.
 * @param {string} site
 * @param {string} from
 * @param {string} folder of the site
 */
async function place(site, from, folder) {
  if (!existsSync(from)) throw new Error(`${from} is missing: build it first.`);
  const content = await readFile(from);
  const hash = hashOf(content);
  const file = `${folder}/${basename(from, extname(from))}-${hash}${extname(from)}`;
  await mkdir(join(site, folder), { recursive: true });
  await writeFile(join(site, file), content);
  return { file, bytes: content.length, hash };
}

/** Whether a folder has only scripts, which are in the bundles. @param {string} path @returns {boolean} */
function isAllCode(path) {
  return statSync(path).isDirectory() && readdirSync(path).every((name) => extname(name) === ".js" || isAllCode(join(path, name)));
}

/** Sorts r2 before r16. @param {string} a @param {string} b */
function byNumber(a, b) {
  return a.localeCompare(b, "en", { numeric: true });
}

/**
 * Bundles the page's own files into one folder that has the hash of all of them in its name, because they import each other. So a browser may cache them for ever.
 * Only index.html and the service worker have a fixed address.
 * @param {string} site
 * @param {unknown} manifest
 * @param {Package} daad
 */
async function bundle(site, manifest, daad) {
  const folder = join(site, "page");
  const { metafile } = await build({
    entryPoints: ENTRIES.map((name) => join(WWW, name)),
    outdir: folder,
    absWorkingDir: site,
    bundle: true,
    splitting: true,
    format: "esm",
    chunkNames: "[name]-[hash]",
    target: "es2022",
    charset: "utf8",
    minify: true,
    sourcemap: true,
    metafile: true,
    logLevel: "warning",
    plugins: [
      startInOneFile(join(WWW, "main.js")),
      {
        name: "package",
        setup: ({ onResolve }) => onResolve({ filter: /^daad(\/|$)/ }, ({ path }) => ({ path: `../${daad.folder}/${PACKAGE[/** @type {keyof typeof PACKAGE} */ (path)]}`, external: true })),
      },
    ],
  });
  await writeFile(join(folder, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  const worker = await readFile(join(folder, "service-worker.js"), "utf8");
  for (const name of ["service-worker.js", "service-worker.js.map"]) await rm(join(folder, name));
  if (worker.split(TO_KEEP).length !== 2 || worker.split(HASHES).length !== 2 || metafile.outputs["page/service-worker.js"]?.imports.length) throw new Error("service-worker.js must be one script that names its lists once.");

  const names = (await readdir(folder)).filter((name) => extname(name) !== ".map").sort();
  const contents = await Promise.all(names.map((name) => readFile(join(folder, name))));
  const version = `page-${hashOfAll(names, contents)}`;
  await rename(folder, join(site, version));
  const own = names.map((name, i) => ({ url: `${version}/${name}`, revision: null, integrity: integrityOf(contents[i] ?? Buffer.alloc(0)) }));
  const scripts = await Promise.all(["index.js", "train.js", "worker.js"].map(async (name) => ({ url: `${daad.folder}/${name}`, revision: null, integrity: integrityOf(await readFile(join(site, daad.folder, name))) })));
  await writeFile(join(site, "service-worker.js"), worker.replace(TO_KEEP, () => JSON.stringify([...own, ...scripts])).replace(HASHES, () => JSON.stringify(daad.hashes)).replace(/\n\/\/# sourceMappingURL.*/, ""));

  const page = join(site, "index.html");
  const html = (await readFile(page, "utf8")).replace('src="main.js"', `src="${version}/main.js"`).replace('href="style.css"', `href="${version}/style.css"`);
  const modules = importedBy("page/main.js", metafile).map((file) => file.replace(/^page\//, `${version}/`).replace(/^\.\.\//, ""));
  await writeFile(page, withPolicy(preload(html, modules, [`${version}/manifest.json`, "gallery/gallery.json"])));
}

/**
 * Adds an import of the page's first script to every part that is imported dynamically. Otherwise esbuild would split the first script
 * into one file for each set of parts that share modules with it, and the page would wait for a dozen small files.
 * @param {string} start
 * @returns {import("esbuild").Plugin}
 */
function startInOneFile(start) {
  return {
    name: "start-in-one-file",
    setup({ onResolve, onLoad }) {
      /** @type {Set<string>} */
      const parts = new Set();
      onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => void (kind === "dynamic-import" && parts.add(join(resolveDir, path))));
      onLoad({ filter: /\.js$/ }, async ({ path }) => (parts.has(path) ? { contents: `${await readFile(path, "utf8")}\nimport ${JSON.stringify(start)};`, resolveDir: dirname(path) } : null));
    },
  };
}

/**
 * The files that an output imports statically, also indirectly.
 * @param {string} output
 * @param {import("esbuild").Metafile} metafile
 * @returns {string[]}
 */
function importedBy(output, metafile) {
  const imports = (metafile.outputs[output]?.imports ?? []).filter(({ kind }) => kind === "import-statement").map(({ path }) => path);
  return [...new Set(imports.flatMap((path) => [path, ...importedBy(path, metafile)]))]; // the package's files import nothing
}

/** Adds the policy to the page itself, for hosts that send no headers. @param {string} html */
function withPolicy(html) {
  return html.replace(/( *)<meta charset="utf-8">\n/, (charset, indent) => `${charset}${indent}<meta http-equiv="Content-Security-Policy" content="${POLICY}">\n`);
}

/**
 * Adds links to the page, so that the browser requests the files that the first script needs at once.
 * @param {string} html
 * @param {string[]} modules
 * @param {string[]} files
 */
function preload(html, modules, files) {
  const links = [...modules.map((file) => `<link rel="modulepreload" href="${file}">`), ...files.map((file) => `<link rel="preload" href="${file}" as="fetch" crossorigin>`)];
  return html.replace(/( *)<script /, (script, indent) => links.map((link) => `${indent}${link}\n`).join("") + script);
}

/**
 * @param {string} site
 * @param {string} store
 */
async function compressAll(site, store) {
  await mkdir(store, { recursive: true });
  const files = (await filesIn(site)).filter((file) => COMPRESSED.has(extname(file)));
  await Promise.all(files.map((file) => compress(file, store)));
  for (const name of await readdir(store)) {
    const file = join(store, name);
    const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: Infinity })); // another clone may have removed it
    if (Date.now() - mtimeMs > UNUSED_MS) await rm(file, { force: true });
  }
}

/**
 * @param {string} file
 * @param {string} store
 */
async function compress(file, store) {
  const content = await readFile(file);
  await Promise.all(
    /** @type {const} */ ([["br", brotli], ["gz", gz]]).map(async ([suffix, squeeze]) => {
      const kept = join(store, `${hashOf(content)}.${suffix}`);
      const isKept = await utimes(kept, new Date(), new Date()).then(() => true, () => false);
      if (!isKept) {
        const part = `${kept}.${randomUUID()}.part`; // a name of its own, because another file with the same content may be compressed at the same time
        await writeFile(part, await squeeze(content));
        await rename(part, kept); // so that an interrupted run leaves no incomplete file
      }
      const result = await readFile(kept);
      if (result.length < content.length) await writeFile(`${file}.${suffix}`, result);
    }),
  );
}

/** The best quality; the largest file takes half a minute. @param {Buffer} content */
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

/** The hash in the form that browsers check. @param {Buffer} content */
function integrityOf(content) {
  return `sha256-${createHash("sha256").update(content).digest("base64")}`;
}

/** @param {readonly string[]} names @param {readonly Buffer[]} contents */
function hashOfAll(names, contents) {
  return hashOf(Buffer.concat(contents.flatMap((content, i) => [Buffer.from(`${names[i]} ${content.length} `), content])));
}

/** @param {Buffer} content */
function hashOf(content) {
  return createHash("sha256").update(content).digest("hex").slice(0, 16);
}

/**
 * Fails if the folder was not made by this script, so that other files are not deleted.
 * @param {string} out
 */
async function assertReplaceable(out) {
  const names = existsSync(out) ? await readdir(out) : [];
  if (names.length > 0 && !names.includes("service-worker.js")) throw new Error(`--out: ${out} holds files but no site; name a new folder or an earlier site.`);
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
  const { values } = parseArgs({ options: { pkg: { type: "string" }, models: { type: "string" }, out: { type: "string" }, compressed: { type: "string" } } });
  if (!values.pkg || !values.models || !values.out || !values.compressed) throw new Error("Usage: node scripts/site.mjs --pkg DIR --models DIR --out DIR --compressed DIR");
  const out = resolve(values.out);
  if (dirname(out) === out) throw new Error("--out must not be a whole disk.");
  return { pkg: resolve(values.pkg), models: resolve(values.models), out, compressed: resolve(values.compressed) };
}
