/**
 * How an image is judged: R and L are fused by γ (Eq. 7), and a score above the threshold is anomalous. Both are the model's own until the visitor moves them.
 *
 * @typedef {import("../shared/types.js").ModelInfo} ModelInfo
 * @typedef {Pick<import("../shared/types.js").Detection, "score" | "reconstructionScore" | "alignmentScore" | "anomalous" | "unfamiliarity">} Scores what the engine found
 *
 * @typedef {{ value: number, gamma: number | null }} Threshold as the visitor set it, at the γ of that moment; null stands for the model's own γ
 * @typedef {{ gamma: number | null, threshold: Threshold | null }} Moved the visitor's values; null stands for the model's own value
 *
 * @typedef {object} Criterion
 * @property {number} gamma
 * @property {number} ownGamma
 * @property {number} threshold
 * @property {number} ownThreshold with the model's own false-alarm rate, at this γ
 * @property {readonly number[]} scores of the held-out normal images at this γ, ascending
 * @property {boolean} isOwn whether the visitor has changed neither γ nor the threshold; then the engine's verdict is used
 */

import { rank, valueAt } from "./alarms.js";

/**
 * @param {{ reconstruction: number, alignment: number | null }} raw
 * @param {Pick<ModelInfo, "reconstruction" | "alignment">} ranges
 * @param {number} gamma
 */
export function fuse({ reconstruction, alignment }, ranges, gamma) {
  const scaled = scale(reconstruction, ranges.reconstruction);
  if (alignment === null || ranges.alignment === null) return scaled; // without a discriminator the score is R alone
  return gamma * scaled + (1 - gamma) * scale(alignment, ranges.alignment);
}

/**
 * @param {number} raw
 * @param {import("../shared/types.js").Range} range
 */
export function scale(raw, { min, max }) {
  return (raw - min) / (max > min ? max - min : 1); // if all scores are equal, the value is only shifted
}

/**
 * @param {Pick<ModelInfo, "alignment" | "normalRawScores">} info
 * @returns {string} why γ cannot be changed, "" if it can
 */
export function whyFixed({ alignment, normalRawScores }) {
  if (!alignment) return "This model has no L, so there is nothing to weigh: R is the whole score.";
  if (normalRawScores.length === 0) return "γ cannot be moved: this model's file keeps no R and L of its normal images, so the histogram and the threshold could not follow.";
  return "";
}

/**
 * When γ changes, the threshold changes too, so that it flags the same share of normal images as at the γ at which it was set.
 * @param {ModelInfo} info
 * @param {Moved} moved
 * @returns {Criterion}
 */
export function criterion(info, moved) {
  const isFixed = whyFixed(info) !== "";
  const gammaOf = (/** @type {number | null} */ gamma) => (isFixed ? info.gamma : (gamma ?? info.gamma));
  const gamma = gammaOf(moved.gamma);
  const scores = normalScores(info, gamma);
  const follow = (/** @type {Threshold} */ set) => {
    const setAt = gammaOf(set.gamma);
    return setAt === gamma ? set.value : valueAt(scores, rank(normalScores(info, setAt), set.value));
  };
  const ownThreshold = follow({ value: info.threshold, gamma: null });
  return { gamma, ownGamma: info.gamma, scores, ownThreshold, threshold: moved.threshold ? follow(moved.threshold) : ownThreshold, isOwn: gamma === info.gamma && !moved.threshold };
}

/**
 * @param {Scores} scores
 * @param {ModelInfo} info
 * @param {Criterion} criterion
 */
export function judge({ score, reconstructionScore, alignmentScore, anomalous, unfamiliarity }, info, { gamma, threshold, isOwn }) {
  const fused = gamma === info.gamma ? score : fuse({ reconstruction: reconstructionScore, alignment: alignmentScore }, info, gamma);
  const isAbove = isOwn ? anomalous : fused > threshold;
  return { score: fused, verdict: verdictOf(isAbove, unfamiliarity) };
}

/**
 * The verdict by the engine's rule: an unfamiliar image is neither normal nor anomalous.
 * @param {boolean} isAbove whether the score lies above the threshold
 * @param {number} unfamiliarity
 * @returns {import("../shared/types.js").Verdict}
 */
export function verdictOf(isAbove, unfamiliarity) {
  return unfamiliarity > 1 ? "unfamiliar" : isAbove ? "anomalous" : "normal";
}

/**
 * @param {ModelInfo} info
 * @param {number} gamma
 */
function normalScores(info, gamma) {
  if (gamma === info.gamma) return info.normalScores;
  return info.normalRawScores.map((mirrored) => Math.max(...mirrored.map((raw) => fuse(raw, info, gamma)))).sort((a, b) => a - b);
}
