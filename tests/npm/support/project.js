/** An empty project with the packed package installed, and the example files of the package's README. */

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** The packed package. */
export const TARBALL = named("DAAD_PACKAGE");
/** The folder in which Deno, Bun and the others are installed. */
export const HOSTS = named("DAAD_HOSTS");
export const MODEL = join(ROOT, "models/piped.safetensors");
/** A model with an alignment score. */
export const PLUS_MODEL = join(ROOT, "tests/models/daad_plus.safetensors");
export const SMALL_MODEL = join(ROOT, "models/series/floors-r4.safetensors");
export const GALLERY = join(ROOT, "www/gallery/piped");
export const FLOORS = join(ROOT, "www/floors");

/** @param {string} variable */
function named(variable) {
  return process.env[variable] ?? assert.fail(`${variable} is not set: run ./build.sh test`);
}

/** The native program's results for the gallery. @returns {Promise<{ path: string, score: number, anomalous: boolean, verdict: string }[]>} */
export async function nativeScores() {
  const lines = (await readFile(named("DAAD_NATIVE_SCORES"), "utf8")).split("\n").filter((line) => line.includes("gallery/piped/")).map((line) => JSON.parse(line));
  return lines.map(({ path, ...found }) => ({ ...found, path: join(GALLERY, basename(path)) }));
}

/** The example files of the README: the code blocks whose first line is a comment with a file name. @returns {Promise<Map<string, string>>} */
export async function examples() {
  const readme = await readFile(join(ROOT, "npm/README.md"), "utf8");
  const blocks = readme.matchAll(/^```\w+\n(?:\/\/|#|<!--) ([\w.-]+)(?: -->)?\n([\s\S]*?)^```$/gm);
  return new Map([...blocks].map(([, name = "", text = ""]) => [name, text]));
}

/** Makes the project. */
export async function createProject() {
  const dir = await mkdtemp(join(tmpdir(), "daad-project-"));
  await writeFile(join(dir, "package.json"), JSON.stringify({ name: "project", private: true, type: "module" }));
  await promisify(execFile)("npm", ["install", "--offline", "--no-audit", "--no-fund", TARBALL], { cwd: dir });
  for (const [name, text] of await examples()) await writeFile(join(dir, name), text);
  await mkdir(join(dir, "public"));
  for (const name of ["model.safetensors", "model.bin", "public/model.safetensors"]) await cp(MODEL, join(dir, name));
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}

/** @param {string} file */
export async function bytesOf(file) {
  return new Uint8Array(await readFile(file));
}

/** The path of a host's program. @param {string} name */
export function host(name) {
  return join(HOSTS, "node_modules/.bin", name);
}

/**
 * Starts an endpoint, and reads its port from its output.
 * @param {string} dir
 * @param {string} program
 * @param {string[]} words
 */
export async function serve(dir, program, words) {
  const server = spawn(program, words, { cwd: dir, env: { ...process.env, PORT: "0", WRANGLER_SEND_METRICS: "false", NO_COLOR: "1" }, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  server.stderr.on("data", (text) => (said += text));
  const exited = once(server, "exit");
  exited.catch(() => {}); // the promise below reports a program that is missing
  const port = await new Promise((resolve, reject) => {
    server.stdout.on("data", (text) => {
      said += text;
      const found = /on port (\d+)|Ready on http:\/\/[^:]+:(\d+)/.exec(said);
      if (found) resolve(found[1] ?? found[2]);
    });
    server.on("error", reject);
    exited.then(() => reject(new Error(`${basename(program)} ended: ${said}`)), () => {});
  });
  return {
    url: `http://127.0.0.1:${port}/`,
    pid: server.pid,
    said: () => said,
    /** @returns {Promise<number | null>} the exit status */
    async stop() {
      server.kill("SIGTERM");
      const [code] = await exited;
      return code;
    },
  };
}

/** Runs a script in the project with Node. @param {string} dir @param {string} text @param {string[]} [words] @returns {Promise<any>} what it printed, as JSON */
export async function run(dir, text, words = [], flags = /** @type {string[]} */ ([])) {
  const script = join(dir, `script-${Math.random()}.mjs`);
  await writeFile(script, text);
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, script, ...words], { cwd: dir, maxBuffer: 64e6, timeout: 120_000 });
  return JSON.parse(stdout);
}
