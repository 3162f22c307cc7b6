/**
 * Builds the folder of the npm package for `npm pack`: scripts for each kind of host, the engines, the types and a README.
 * Each script is a single file, because a bundler copies workers and engines unchanged, without the files that they import.
 */

import { appendFile, cp, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { existsSync, readdirSync } from "node:fs";
import { execFile } from "node:child_process";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { build } from "esbuild";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SOURCE = join(ROOT, "npm");
const ENGINES = ["cpu", "cpu-threads", "cpu-threads-relaxed", "webgpu", "learn-threads"];

/** The modules that a program can import, and the kinds of host for which each has a script of its own. */
const ENTRIES = [
  { name: "index", hosts: ["browser", "node"] },
  { name: "inline", hosts: ["browser", "node", "workerd"], connection: "inline" },
  { name: "train", hosts: ["browser", "node"] },
  { name: "element", hosts: ["browser"] },
  { name: "worker", hosts: ["browser", "node"] },
];

/** The modules whose type declarations the package needs: the entries, and the modules that their types refer to. */
const PUBLIC_TYPES = ["index", "inline", "train", "element", "detector", "errors", "plan", "types"];

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

async function main() {
  const { values } = parseArgs({ options: { pkg: { type: "string" }, out: { type: "string" } } });
  if (!values.pkg || !values.out) throw new Error("Usage: node scripts/package.mjs --pkg DIR --out DIR");
  await makePackage(resolve(values.pkg), resolve(values.out));
}

/**
 * @param {string} pkg the folder of the engines
 * @param {string} out
 */
async function makePackage(pkg, out) {
  if (existsSync(out) && !existsSync(join(out, "engines")) && readdirSync(out).length > 0) throw new Error(`--out: ${out} holds files but no package.`);
  const unfinished = `${out}-unfinished`; // renamed when it is complete
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  const engines = await placeCode(pkg, unfinished, ["browser", "node", "workerd"]);
  const missing = ENGINES.filter((name) => !engines.includes(name));
  if (missing.length > 0) throw new Error(`A package has all engines, and these are not built: ${missing.join(", ")}.`);
  for (const file of [join(pkg, "abi/daad.wasm"), join(ROOT, "src/abi/daad.h")]) await cp(file, join(unfinished, basename(file))); // for hosts without JavaScript
  await types(unfinished);
  await writeFile(join(unfinished, "package.json"), `${JSON.stringify(await description(), null, 2)}\n`);
  await cp(join(SOURCE, "README.md"), join(unfinished, "README.md"));
  for (const licence of readdirSync(ROOT).filter((name) => name.startsWith("LICENSE"))) await cp(join(ROOT, licence), join(unfinished, licence));
  await rm(out, { recursive: true, force: true });
  await rename(unfinished, out);
}

/**
 * Writes the scripts for the given kinds of host, and the engines that are built.
 * @param {string} pkg the folder of the engines
 * @param {string} out
 * @param {readonly string[]} hosts
 * @returns {Promise<string[]>} the engines
 */
export async function placeCode(pkg, out, hosts) {
  const engines = ENGINES.filter((name) => existsSync(join(pkg, name, "daad_bg.wasm")));
  if (!engines.includes("cpu")) throw new Error(`${pkg} holds no engine for the CPU: build it first.`);
  const sizes = Object.fromEntries(await Promise.all(engines.map(async (name) => [name, await placeEngine(join(pkg, name), join(out, "engines", name))])));
  const wanted = ENTRIES.flatMap(({ name, hosts: own, connection }) => own.filter((host) => hosts.includes(host)).map((host) => ({ name, host, connection: connection ?? "worker" })));
  await Promise.all(wanted.map(({ name, host, connection }) => script(out, name, host, connection, sizes)));
  return engines;
}

/**
 * Turns an engine's script into a function that creates an engine, because an engine that trapped must be replaced by a new one.
 * @param {string} from
 * @param {string} to
 * @returns {Promise<number>} the size of its code
 */
async function placeEngine(from, to) {
  const glue = await readFile(join(from, "daad.js"), "utf8");
  const own = "new URL('daad_bg.wasm', import.meta.url)"; // the script's default address of the code; bundlers would resolve it
  if (glue.split(own).length !== 2) throw new Error(`${from}/daad.js is not what wasm-bindgen used to write.`);
  const { outputFiles } = await build({
    stdin: { contents: glue.replace(own, "undefined"), resolveDir: from, loader: "js" },
    bundle: true,
    format: "iife",
    globalName: "engine",
    target: "es2022",
    minify: true,
    write: false,
    logLevel: "warning",
  });
  await mkdir(to, { recursive: true });
  await writeFile(join(to, "daad.js"), `export default function create() {\n${outputFiles[0]?.text ?? ""}return engine;\n}\n`);
  const code = await readFile(join(from, "daad_bg.wasm"));
  await writeFile(join(to, "daad_bg.wasm"), code);
  return code.length;
}

/**
 * @param {string} out
 * @param {string} name
 * @param {string} host
 * @param {string} connection
 * @param {Record<string, number>} sizes
 */
async function script(out, name, host, connection, sizes) {
  await build({
    entryPoints: [join(SOURCE, "src", `${name}.js`)],
    outfile: join(out, host === "browser" ? `${name}.js` : `${name}.${host}.js`),
    bundle: true,
    format: "esm",
    platform: host === "node" ? "node" : "neutral",
    alias: { "#platform": join(SOURCE, "src/platform", `${host}.js`), "#connection": join(SOURCE, "src/connection", `${connection}.js`) },
    external: ["./engines/*", "node:*"],
    define: { ENGINE_BYTES: JSON.stringify(sizes) },
    target: "es2022",
    charset: "utf8",
    minify: host === "browser", // on other hosts the size does not matter, and errors are easier to trace in readable code
    logLevel: "warning",
    plugins: [
      {
        // Engines are addressed relative to the package, not to the source file.
        name: "engines",
        setup: ({ onResolve }) => onResolve({ filter: /\/engines\// }, ({ path }) => ({ path: `./engines/${path.split("/engines/")[1]}`, external: true })),
      },
    ],
  });
}

/** Writes type declarations from the JSDoc types of the sources. @param {string} out */
async function types(out) {
  await promisify(execFile)(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "--project", join(SOURCE, "tsconfig.json"), "--outDir", join(out, "types")]).catch((error) => {
    throw new Error(`The types could not be written:\n${error.stdout}`);
  });
  const element = join(out, "types/element.d.ts"); // JSDoc cannot declare a global interface
  await appendFile(element, 'declare global {\n    interface HTMLElementTagNameMap {\n        "daad-detector": DaadDetectorElement;\n    }\n}\n');
  const inner = readdirSync(join(out, "types")).filter((name) => !PUBLIC_TYPES.includes(name.replace(".d.ts", "")));
  await Promise.all(inner.map((name) => rm(join(out, "types", name), { recursive: true })));
}

async function description() {
  /** @type {Record<string, unknown>} */
  const { imports: _, scripts: __, private: ___, ...own } = JSON.parse(await readFile(join(SOURCE, "package.json"), "utf8"));
  const entries = ENTRIES.filter(({ name }) => name !== "worker").map(({ name, hosts }) => {
    const others = hosts.filter((host) => host !== "browser").reverse(); // `workerd` must come before `node`, because Cloudflare's runtime matches both
    const scripts = Object.fromEntries(others.map((host) => [host, `./${name}.${host}.js`]));
    return [name === "index" ? "." : `./${name}`, { types: `./types/${name}.d.ts`, ...scripts, default: `./${name}.js` }];
  });
  const exports = Object.fromEntries([...entries, ["./engines/*", "./engines/*"], ["./daad.wasm", "./daad.wasm"], ["./daad.h", "./daad.h"], ["./package.json", "./package.json"]]);
  return { ...own, exports, types: "./types/index.d.ts", main: "./index.node.js", module: "./index.js", sideEffects: ["./element.js", "./worker.js", "./worker.node.js"] };
}
