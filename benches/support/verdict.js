/** Turns figures into the cells of a row. */

/**
 * @typedef {"ms" | "s" | "MB" | "images/s"} Unit
 *
 * `of`: whether the aim limits our figure or its ratio to the peer's figure.
 * @typedef {{ of: "ratio" | "ours", most: number } | { of: "ratio" | "ours", least: number }} Aim
 *
 * A row without an aim is for information only.
 * @typedef {{ id: string, what: string, unit: Unit, aim?: Aim }} Row
 *
 * @typedef {{ ours: number, peer?: number } | { skipped: string } | { failed: string }} Result
 */

export const HEADINGS = ["what", "ours", "peer", "ratio", "aim", "verdict"];

/**
 * @param {Row} row
 * @param {Result} result
 * @returns {string[]}
 */
export function cells(row, result) {
  const aim = row.aim ? describe(row.aim, row.unit) : "–";
  if (!("ours" in result)) return [row.what, "–", "–", "–", aim, judge(row, result)];
  const { ours, peer } = result;
  const ratio = peer === undefined ? "–" : round(ours / peer);
  return [row.what, figure(ours, row.unit), peer === undefined ? "–" : figure(peer, row.unit), ratio, aim, judge(row, result)];
}

/**
 * @param {Row} row
 * @param {Result} result
 * @returns {"met" | "misses" | "for information" | "skipped" | "FAILED"}
 */
export function judge({ aim }, result) {
  if ("skipped" in result) return "skipped";
  if ("failed" in result) return "FAILED";
  if (!aim) return "for information";
  const value = aim.of === "ours" ? result.ours : result.ours / (result.peer ?? NaN);
  return ("most" in aim ? value <= aim.most : value >= aim.least) ? "met" : "misses";
}

/**
 * @param {Aim} aim
 * @param {Unit} unit
 */
function describe(aim, unit) {
  const [sign, limit] = "most" in aim ? ["≤", aim.most] : ["≥", aim.least];
  return aim.of === "ratio" ? `${sign} ${limit}` : `ours ${sign} ${figure(limit, unit)}`;
}

/**
 * @param {number} value
 * @param {Unit} unit
 */
function figure(value, unit) {
  return `${round(value)} ${unit}`;
}

/** Three significant digits. @param {number} value */
function round(value) {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
