/** The programs outside the browser: built when first needed, and asked line by line. */

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { PYTHON, ROOT, THREADS } from "./settings.js";

const run = promisify(execFile);
/** Two threads on both sides. */
export const ENVIRONMENT = { ...process.env, RAYON_NUM_THREADS: String(THREADS), OMP_NUM_THREADS: String(THREADS), PYTHONDONTWRITEBYTECODE: "1" };

/**
 * The path of one of our own programs, built if need be.
 * @param {"bin" | "bench"} kind
 * @param {string} name
 */
export async function built(kind, name) {
  const cargo = spawn("cargo", ["build", "--release", `--${kind}`, name, "--message-format=json-render-diagnostics"], { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  let path = "";
  for await (const line of createInterface({ input: cargo.stdout })) {
    const { executable, target } = JSON.parse(line);
    if (executable && target.name === name) path = executable;
  }
  if (!path) throw new Error(`cargo could not build ${name}`);
  return path;
}

/** Our side: benches/native. @param {string[]} words */
export async function native(...words) {
  await run(await built("bench", "native"), words, { env: ENVIRONMENT });
}

/** The program itself. @param {string[]} words */
export async function program(...words) {
  await run(await built("bin", "daad"), words, { env: ENVIRONMENT });
}

/**
 * The peer's: benches/pytorch.
 * @param {string} script
 * @param {string[]} words
 */
export async function python(script, ...words) {
  await run(PYTHON, [path(script), ...words], { env: ENVIRONMENT });
}

/** @param {string[]} words */
export async function askNative(...words) {
  return ask(await built("bench", "native"), words);
}

/**
 * @param {string} script
 * @param {string[]} words
 */
export async function askPython(script, ...words) {
  return ask(PYTHON, [path(script), ...words]);
}

/** @param {string} script */
function path(script) {
  return join(ROOT, "benches", "pytorch", script);
}

/**
 * A program that does one thing for every line and says how it went, as JSON. It is ready when it says `{}`.
 * @param {string} command
 * @param {string[]} words
 */
async function ask(command, words) {
  const child = spawn(command, words, { env: ENVIRONMENT, stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${command} ${words.join(" ")} ended early`);
    return JSON.parse(value);
  };
  await next();
  return {
    next() {
      child.stdin.write("\n");
      return next();
    },
    async stop() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}
