/**
 * Which block the visitor has chosen, and how each event changes this. The functions are pure, so they are tested without a browser.
 *
 * @typedef {import("./place.js").Place} Place
 *
 * @typedef {object} State
 * @property {Place | null} chosen null: the block with the largest error of the current image
 * @property {Place | null} pointed the block under the pointer
 * @property {boolean} held whether the choice is fixed, so that the pointer does not choose other blocks
 * @property {number} scale whose numbers the formula shows, 0 being the finest
 *
 * @typedef {{ type: "point", place: Place | null }
 *   | { type: "rest" }
 *   | { type: "tap", place: Place }
 *   | { type: "choose", place: Place }
 *   | { type: "release" }
 *   | { type: "scale", scale: number }} Event `rest`: the pointer has stayed on a block for a moment
 */

import { decode, encode, isWithin, worst } from "./place.js";

/** @param {URLSearchParams} [address] @returns {State} */
export function initial(address = new URLSearchParams()) {
  const chosen = decode(address.get("inside"));
  return { chosen, pointed: null, held: chosen !== null, scale: 0 };
}

/**
 * @param {State} state
 * @param {Event} event
 * @returns {State}
 */
export function reduce(state, event) {
  switch (event.type) {
    case "point":
      return same(state.pointed, event.place) ? state : { ...state, pointed: event.place };
    case "rest":
      return state.held || !state.pointed || same(state.pointed, state.chosen) ? state : { ...state, chosen: state.pointed };
    case "tap":
      return { ...state, chosen: event.place, held: !(state.held && same(event.place, state.chosen)) };
    case "choose":
      return { ...state, chosen: event.place, pointed: null };
    case "release":
      return { ...state, chosen: null, pointed: null, held: false };
    case "scale":
      return { ...state, scale: event.scale };
  }
}

/** The part of the state that the address stores. @param {State} state */
export function address({ chosen }) {
  return { inside: chosen && encode(chosen) };
}

/**
 * The block that is inspected. A model with fewer blocks may not have the chosen one; then it is the block with the largest error.
 * @param {State} state
 * @param {import("../../shared/state.js").Result | null} result
 * @returns {Place | null} null if maps are not divided
 */
export function current({ chosen }, result) {
  const division = result?.loaded.info.division;
  if (!division) return null;
  return chosen && isWithin(chosen, division) ? chosen : worst(result.detection, division);
}

/**
 * The block to outline.
 * @param {State} state
 * @param {Place | null} place the block that is inspected
 */
export function outlined({ held, pointed }, place) {
  return held ? place : (pointed ?? place);
}

/**
 * @param {Place | null} a
 * @param {Place | null} b
 */
function same(a, b) {
  return a?.row === b?.row && a?.column === b?.column;
}
