/**
 * The last step of `daad.wasm`, the module for hosts that are no browser: takes its custom sections away, which nothing but wasm-bindgen reads, and
 * refuses a module that imports something, because no host could run it.
 *
 *     node scripts/plain-wasm.mjs LINKED.wasm OUT.wasm
 */

import { readFileSync, writeFileSync } from "node:fs";

const HEADER_BYTES = 8;
const CUSTOM = 0;

const [linked, out] = process.argv.slice(2);
const bytes = readFileSync(linked);
const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes));
if (imports.length > 0) {
  const names = imports.map(({ module, name }) => `  ${module} ${name}`);
  console.error(`daad.wasm has to run on any host, but it imports\n${names.join("\n")}`);
  process.exit(1);
}
writeFileSync(out, withoutCustomSections(bytes));

/** @param {Buffer} module */
function withoutCustomSections(module) {
  const kept = [module.subarray(0, HEADER_BYTES)];
  for (let at = HEADER_BYTES; at < module.length; ) {
    const { value: size, end } = leb128(module, at + 1);
    if (module[at] !== CUSTOM) kept.push(module.subarray(at, end + size));
    at = end + size;
  }
  return Buffer.concat(kept);
}

/** The number that begins at `at`, as WebAssembly codes it: seven bits a byte, the lowest first.
 * @param {Buffer} module @param {number} at */
function leb128(module, at) {
  let value = 0;
  for (let factor = 1; ; factor *= 128, at += 1) {
    value += (module[at] & 127) * factor;
    if (module[at] < 128) return { value, end: at + 1 };
  }
}
