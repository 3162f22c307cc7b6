/**
 * Formats numbers and names for people, always in English, the language of the page. `Intl` and `toLocaleString` are not used, because their first use takes
 * a browser 20 to 60 ms, in which the first image waits.
 */

/** A score, threshold or raw error. Four decimals are enough to distinguish relevant differences; large numbers need fewer.
 * @param {number} value */
export function score(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (value !== 0 && size < 1e-3) return value.toExponential(2);
  return value.toFixed(size < 10 ? 4 : size < 100 ? 2 : size < 1000 ? 1 : 0);
}

/** A number without an exponent, for numbers that are neither very large nor very small.
 * @param {number} value @param {number} digits the number of significant digits */
export function significant(value, digits) {
  const rounded = Number(value.toPrecision(digits));
  const [, exponent] = rounded.toExponential().split("e");
  return rounded.toFixed(Math.max(0, digits - 1 - Number(exponent))).replace("-", "−");
}

/** @param {number} bytes */
export function megabytes(bytes) {
  const value = bytes / 1e6;
  return `${value.toFixed(value < 10 ? 1 : 0)} MB`;
}

/** @param {number} elapsedMs */
export function duration(elapsedMs) {
  return elapsedMs < 9999.5 ? `${Math.round(elapsedMs)} ms` : `${(elapsedMs / 1000).toFixed(1)} s`;
}

/** A share of 1, such as a false alarm rate.
 * @param {number} share */
export function percent(share) {
  return `${Number((share * 100).toPrecision(2))}\u00a0%`;
}

/** How a score compares with the threshold, in words.
 * @param {number} value
 * @param {number} threshold */
export function compared(value, threshold) {
  if (!(threshold > 0) || value <= 0) return value > threshold ? "above the threshold" : "below the threshold";
  const ratio = value / threshold;
  if (ratio > 100) return "more than 100 times the threshold";
  if (ratio > 1.005) return `${Number(ratio.toPrecision(ratio < 10 ? 3 : 2))} times the threshold`;
  return ratio >= 0.995 ? "at the threshold" : `${percent(ratio)} of the threshold`;
}

/** @param {number} count */
export function millions(count) {
  return count < 1e6 ? String(count).replace(/\B(?=(\d{3})+$)/g, ",") : `${(count / 1e6).toFixed(1)} million`;
}

/** An error's message as one sentence on one line. The engine's messages begin with a lower-case letter and have no full stop.
 * @param {unknown} error */
export function sentence(error) {
  const text = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, " ").trim() || "something went wrong";
  return capital(text) + (/[.!?]$/.test(text) ? "" : ".");
}

/** The engine's reason not to judge an image, as a sentence that names it.
 * @param {string} name
 * @param {unknown} error */
export function refusal(name, error) {
  const reason = sentence(error);
  return reason.includes("this image") ? reason.replace("this image", () => name) : `${name}: ${reason}`;
}

/** Shortens a long name by leaving out its middle, because the beginning and the end say most.
 * @param {string} name */
export function shorten(name, most = 40) {
  const letters = [...name];
  const end = Math.floor((most - 1) / 2);
  return letters.length <= most ? name : `${letters.slice(0, most - 1 - end).join("")}…${letters.slice(-end).join("")}`;
}

/** The first part of the names of files made from an image: the image's name without extension and characters that file systems refuse.
 * @param {string} name */
export function stem(name) {
  return name.replace(/\.\w{1,5}$/, "").replace(/[\p{C}\s\\/:*?"<>|…]+/gu, "-").replace(/^[-.]+|-+$/g, "") || "image";
}

/** @param {string} text */
export function capital(text) {
  return (text[0] ?? "").toUpperCase() + text.slice(1);
}

/**
 * @param {import("./types.js").Backend} backend
 * @param {number} threads
 */
export function backend(backend, threads) {
  if (backend === "webgpu") return "WebGPU";
  return threads > 1 ? `CPU (wasm SIMD, ${threads} threads)` : "CPU (wasm SIMD)";
}
