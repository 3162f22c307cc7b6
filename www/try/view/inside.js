/** The card that shows what the memory answers to one block, at every scale. */

import * as format from "../../shared/format.js";
import { ranked } from "../inside/numbers.js";
import { find, make, setUsable } from "../../shared/view/dom.js";
import { formulaOf } from "./formula.js";
import { chartOf } from "./weights.js";

/** @typedef {import("../../shared/types.js").InspectedBlock} InspectedBlock */
/** @typedef {import("../inside/inquiry.js").Answer} Answer */
/** @typedef {Uint8ClampedArray<ArrayBuffer>} Pixels RGBA */

/** The number of items that are shown as pictures. */
export const STRONGEST = 5;

/** On a card that is narrower than this, the formula is closed at first. */
const ROOMY_PX = 560;

const NO_BLOCKS = "This system puts nothing in the place of blocks, so there is none to look into.";
const NO_IMAGE = "Once an image is judged, its blocks can be looked into.";
const PAST = "The engine was started anew since: to look into this block, judge the image again.";

/**
 * @typedef {object} Shown
 * @property {import("../../shared/state.js").Result | null} result
 * @property {import("../inside/place.js").Place | null} place
 * @property {boolean} isPast whether the engine that judged the image is gone, so that it cannot be asked
 * @property {boolean} isChosen by the visitor
 * @property {boolean} isHeld
 * @property {readonly (Answer | undefined)[]} answers by scale
 * @property {number} scale of the formula
 */

/** @param {(event: import("../inside/state.js").Event) => void} send */
export function createInside(send) {
  const card = find("#inside", HTMLElement);
  const said = make("p", { id: "inside-said", className: "inside-said" });
  said.setAttribute("role", "status");
  const release = make("button", { type: "button", textContent: "Where the error is largest" });
  release.addEventListener("click", () => release.getAttribute("aria-disabled") === "false" && send({ type: "release" }));
  const rows = make("div", { className: "inside-scales" });
  const tabs = make("div", { className: "inside-tabs" });
  tabs.setAttribute("role", "group");
  tabs.setAttribute("aria-label", "Scale of the formula");
  const steps = make("ol", { className: "inside-steps" });
  const formula = make("details", { className: "inside-formula", open: card.clientWidth > ROOMY_PX }, make("summary", { textContent: "The formula, with this block’s numbers" }), tabs, steps);
  find("#inside-body", HTMLElement).replaceChildren(make("div", { className: "inside-choice buttons" }, said, release), rows, formula);

  /** The answer that each row shows. @type {(Answer | null)[]} */
  let drawn = [];
  /** @type {Answer | undefined} */
  let explained;

  /** @param {Shown} shown */
  return ({ result, place, isPast, isChosen, isHeld, answers, scale }) => {
    const info = result?.loaded.info;
    const scales = info?.scales ?? 0;
    const isWhole = scales > 0 && Array.from({ length: scales }).every((_, scale) => answers[scale]);
    card.dataset.state = info && !info.division ? "none" : isWhole ? "whole" : "partial";
    card.dataset.block = place ? `${place.row + 1},${place.column + 1}` : "";
    setUsable(release, isChosen);
    formula.hidden = rows.hidden = Boolean(info && !info.division);
    set(said, place && info?.division ? `${where(place, info.division, isChosen, isHeld)}${isPast && !isWhole ? ` ${PAST}` : ""}` : info ? NO_BLOCKS : NO_IMAGE);
    if (!info?.division) return;

    if (rows.childElementCount !== scales) {
      rows.replaceChildren(...Array.from({ length: scales }, (_, scale) => rowOf(nameOf(scale, info))));
      tabs.replaceChildren(...Array.from({ length: scales }, (_, scale) => make("button", { type: "button", textContent: `Scale ${scale + 1}`, onclick: () => send({ type: "scale", scale }) })));
      drawn = [];
    }
    [...rows.children].forEach((row, scale) => {
      const answer = answers[scale];
      row.setAttribute("aria-busy", String(!answer && Boolean(drawn[scale])));
      if (answer ? drawn[scale] === answer : drawn[scale] !== undefined) return; // until the next answer arrives, the earlier one stays and is dimmed
      drawn[scale] = answer ?? null;
      row.lastElementChild?.replaceWith(answer && "message" in answer ? make("p", { className: "inside-failed", textContent: answer.message }) : contentOf(answer?.block ?? null));
    });
    [...tabs.children].forEach((tab, at) => tab.setAttribute("aria-pressed", String(at === scale)));
    const answer = answers[scale];
    formula.setAttribute("aria-busy", String(!answer && Boolean(explained)));
    if (!answer || answer === explained) return;
    explained = answer;
    steps.replaceChildren(...("block" in answer ? formulaOf(answer.block) : [make("li", { textContent: answer.message })]));
  };
}

/**
 * @param {import("../inside/place.js").Place} place
 * @param {import("../inside/place.js").Division & { channel: number }} division
 * @param {boolean} isChosen
 * @param {boolean} isHeld
 */
function where({ row, column }, { height, width, channel }, isChosen, isHeld) {
  const block = `Row ${row + 1}, column ${column + 1} of ${height} × ${width}`;
  const slices = channel > 1 ? ` Of its ${channel} slices of channels, this is the first.` : "";
  return `${block}${isChosen ? (isHeld ? ", held until it is chosen again." : ".") : ": where the error is largest."}${slices}`;
}

/** @param {number} scale @param {import("../../shared/types.js").ModelInfo} info */
function nameOf(scale, { width, height }) {
  return { title: `Scale ${scale + 1}`, maps: `maps of ${width >> (scale + 1)} × ${height >> (scale + 1)}` };
}

/** @param {ReturnType<typeof nameOf>} name */
function rowOf({ title, maps }) {
  return make("section", { className: "inside-scale" }, make("h3", {}, title, " ", make("span", { className: "fine", textContent: maps })), make("div"));
}

/**
 * The memory's answer at a scale; an empty frame while there is none yet.
 * @param {InspectedBlock | null} block
 */
function contentOf(block) {
  const items = Array.from({ length: block ? Math.min(STRONGEST, block.items.length) : STRONGEST }, (_, at) => block?.items[at]);
  const list = make("ol", { className: "inside-items" }, ...items.map((item) => itemOf(block, item)));
  list.setAttribute("aria-label", "The strongest items");
  const size = { width: block?.width ?? 1, height: block?.height ?? 1 };
  return make(
    "div",
    { className: "inside-content" },
    block ? summaryOf(block) : make("p", { className: "inside-summary", textContent: "–" }),
    make("div", { className: "inside-pair" }, pictured(block?.query, size, "Query", "put in itself"), pictured(block?.answer, size, "Answer", block ? `likeness ${block.likeness.toFixed(2)}` : "–")),
    distributionOf(block),
    list,
  );
}

/** @param {InspectedBlock} block */
function summaryOf({ effectiveItems, survivors, count }) {
  const summary = make("p", { className: "inside-summary" }, "As many as ", make("b", { textContent: String(Math.round(effectiveItems)) }), ` equally strong items answer. ${survivors} of ${count} stay.`);
  Object.assign(summary.dataset, { effective: String(effectiveItems), survivors: String(survivors), count: String(count) });
  return summary;
}

/** @param {InspectedBlock | null} block */
function distributionOf(block) {
  const figure = make("figure", { className: "inside-weights" });
  if (!block) return figure;
  const { count, survivors } = block;
  const weights = ranked(block);
  const [most = 0, least = 0] = [weights[0], weights.at(-1)].map((weight) => Number((weight ?? 0).toFixed(2)));
  const label = `The ${count} weights from the strongest, ${most} times an equal share, to the weakest, ${least} times; the first ${survivors} stay`;
  figure.append(chartOf(weights, survivors, label), make("figcaption", { textContent: `All ${count} weights: ${most.toFixed(2)}/N to ${least.toFixed(2)}/N` }));
  return figure;
}

/**
 * @param {InspectedBlock | null} block
 * @param {InspectedBlock["items"][number] | undefined} item
 */
function itemOf(block, item) {
  if (!block || !item) return make("li", {}, canvasOf(undefined, { width: 1, height: 1 }, ""));
  const lines = [make("b", { textContent: `${(item.weight * block.count).toFixed(2)}/N` }), `w ${format.significant(item.weight, 3)}`, `s ${format.significant(item.similarity, 3)}`];
  const entry = make("li", {}, canvasOf(item.picture, block, `Item ${item.index + 1} alone`), make("span", {}, ...lines.flatMap((line) => [line, make("br")]).slice(0, -1)));
  Object.assign(entry.dataset, { index: String(item.index), weight: String(item.weight), similarity: String(item.similarity) });
  return entry;
}

/**
 * @param {Pixels | undefined} pixels
 * @param {{ width: number, height: number }} size
 * @param {string} title
 * @param {string} caption
 */
function pictured(pixels, size, title, caption) {
  return make("figure", {}, canvasOf(pixels, size, title), make("figcaption", {}, make("b", { textContent: title }), make("br"), caption));
}

/**
 * @param {Pixels | undefined} pixels
 * @param {{ width: number, height: number }} size
 * @param {string} label
 */
function canvasOf(pixels, { width, height }, label) {
  const canvas = make("canvas", { width: width, height: height });
  if (!pixels) return canvas;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  canvas.getContext("2d")?.putImageData(new ImageData(pixels, width, height), 0, 0);
  return canvas;
}

/** Sets a text only if it has changed, because a screen reader reads a status again when it is set. @param {HTMLElement} element @param {string} text */
function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
