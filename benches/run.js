/** Runs the named parts, or all parts, one row after the other, and prints one table: `./build.sh bench [PART]...`. */

import { readFile } from "node:fs/promises";
import { markdownTable } from "markdown-table";
import { machine } from "./support/machine.js";
import { HEADINGS, cells, judge } from "./support/verdict.js";

/** The parts in the order in which they run. Each file lists its rows: what is measured, the aim, and how it is measured. */
const PARTS = ["web", "download", "page", "memory", "train", "native", "tiles", "gpu"];

const wanted = process.argv.slice(2);
const unknown = wanted.find((part) => !PARTS.includes(part));
if (unknown) {
  console.error(`There is no part "${unknown}"; the parts are ${PARTS.join(", ")}.`);
  process.exit(2);
}

/** By a row's id, a sentence that says why the row misses its aim. @type {Record<string, string>} */
const limits = JSON.parse(await readFile(new URL("limits.json", import.meta.url), "utf8"));

const header = await machine();
console.error(header.join("\n"));
const done = [];
for (const part of PARTS) {
  if (wanted.length > 0 && !wanted.includes(part)) continue;
  const { rows } = await import(`./rows/${part}.js`);
  for (const row of rows) {
    console.error(`==== ${row.what}`);
    const result = await row.measure().catch((/** @type {Error} */ error) => ({ failed: error.stack ?? String(error) }));
    if ("failed" in result) console.error(result.failed);
    console.error(cells(row, result).join("  "));
    done.push({ row, result });
  }
}

console.log(["", ...header, "", markdownTable([HEADINGS, ...done.map(({ row, result }) => cells(row, result))]), ""].join("\n"));
for (const { row, result } of done) {
  if (judge(row, result) === "misses") console.log(`- ${row.what}: ${limits[row.id] || "what limits it is not known yet"}`);
  if ("skipped" in result) console.log(`- ${row.what}: skipped, ${result.skipped}`);
  if ("failed" in result) console.log(`- ${row.what}: FAILED, ${result.failed.split("\n")[0]}`);
}
process.exitCode = done.some(({ result }) => "failed" in result) ? 1 : 0;
