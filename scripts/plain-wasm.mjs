/**
 * The last step in building `daad.wasm`, the module for hosts that are not browsers. Removes the custom sections, which only wasm-bindgen reads, and
 * fails if the module has imports, because it must run on any host.
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

/** Decodes the LEB128 number that begins at `at`: seven bits per byte, the lowest bits first.
 * @param {Buffer} module @param {number} at */
function leb128(module, at) {
  let value = 0;
  for (let factor = 1; ; factor *= 128, at += 1) {
    value += (module[at] & 127) * factor;
    if (module[at] < 128) return { value, end: at + 1 };
  }
}
