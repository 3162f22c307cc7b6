/**
 * Compares the scores of the same images from two machines, as `daad score --json` prints them. Both files need the same
 * images in the same order.
 *
 *     node scripts/same-scores.mjs EXPECTED.jsonl GOT.jsonl
 */

import { readFileSync } from "node:fs";

/** Relative tolerances. The alignment score needs a larger one, because shrinkage sets small weights to zero and so amplifies rounding differences. */
const TOLERANCES = { score: 1e-3, threshold: 1e-12, reconstruction_score: 1e-3, alignment_score: 5e-3 };

const [expected, got] = process.argv.slice(2).map(lines);
if (got.length === 0) throw new Error("nothing was scored");
if (got.length !== expected.length) throw new Error(`${got.length} images were scored, not ${expected.length}`);
/** @type {Record<string, number>} */
const largest = {};
for (const [index, line] of got.entries()) {
  const other = expected[index];
  if (line.path !== other.path) throw new Error(`image ${index + 1} is ${line.path}, not ${other.path}`);
  if (line.anomalous !== other.anomalous) throw new Error(`${line.path}: anomalous is ${line.anomalous}`);
  for (const [name, tolerance] of Object.entries(TOLERANCES)) {
    if (line[name] === null && other[name] === null) continue; // A model without L has no alignment score.
    // If only one of the two has it, the difference is 1 or infinite, because null counts as 0.
    const difference = Math.abs(line[name] / other[name] - 1);
    if (!(difference <= tolerance)) throw new Error(`${line.path}: ${name} is ${line[name]}, not ${other[name]}`);
    largest[name] = Math.max(largest[name] ?? 0, difference);
  }
}
const differences = Object.entries(largest).map(([name, value]) => `${name} ${value.toExponential(1)}`);
console.log(`${got.length} images agree; largest relative differences: ${differences.join(", ")}`);

/** @param {string} file */
function lines(file) {
  const text = readFileSync(file, "utf8").trim();
  return text === "" ? [] : text.split("\n").map((line) => JSON.parse(line));
}
