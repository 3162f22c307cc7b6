/** The programs outside the browser. They are built when first needed; a line on standard input requests a step. */

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { PYTHON, ROOT, THREADS } from "./settings.js";

const run = promisify(execFile);
/** The same number of threads for both sides. */
export const ENVIRONMENT = { ...process.env, RAYON_NUM_THREADS: String(THREADS), OMP_NUM_THREADS: String(THREADS), PYTHONDONTWRITEBYTECODE: "1" };

/**
 * Builds one of our own programs if necessary, and returns its path.
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

/** Runs our side, benches/native. @param {string[]} words */
export async function native(...words) {
  await run(await built("bench", "native"), words, { env: ENVIRONMENT });
}

/** Runs the program daad. @param {string[]} words */
export async function program(...words) {
  await run(await built("bin", "daad"), words, { env: ENVIRONMENT });
}

/**
 * Runs a script of the peer, from benches/pytorch.
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
 * Starts a program that does one step for every input line and prints the result as JSON. It prints `{}` when it is ready.
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
