/** Asks the engine about blocks: one scale at a time, and nothing that nobody wants any more. Keeps the answers for as long as their image. */

import { sentence } from "../../shared/format.js";
import { encode } from "./place.js";

/** @typedef {import("../../shared/types.js").InspectedBlock} InspectedBlock */
/** @typedef {{ block: InspectedBlock } | { message: string }} Answer a block taken apart, or one sentence why it is not */
/** @typedef {import("../../shared/state.js").Result} Result */
/** @typedef {{ image: Result, place: import("./place.js").Place, scales: number }} Wanted */

const NO_MEMORY = "No memory is at this scale: the map goes through as it is.";

export class Inquiry {
  /** By image, then by block and scale. @type {WeakMap<object, Map<string, (Answer | undefined)[]>>} */
  #known = new WeakMap();
  /** @type {Wanted | null} */
  #wanted = null;
  #isAsking = false;
  #ask;
  #onAnswer;

  /**
   * @param {(image: Result, place: import("../../shared/types.js").BlockPlace) => Promise<InspectedBlock | null>} ask
   * @param {() => void} onAnswer
   */
  constructor(ask, onAnswer) {
    this.#ask = ask;
    this.#onAnswer = onAnswer;
  }

  /**
   * What is known, by scale.
   * @param {Omit<Wanted, "scales">} of
   * @returns {readonly (Answer | undefined)[]}
   */
  answers({ image, place }) {
    return this.#known.get(image)?.get(encode(place)) ?? [];
  }

  /** @param {Wanted | null} wanted what counts from now on; null: leave the engine alone */
  want(wanted) {
    this.#wanted = wanted;
    if (!this.#isAsking) void this.#pursue();
  }

  async #pursue() {
    this.#isAsking = true;
    for (;;) {
      const wanted = this.#wanted;
      const scale = wanted ? Array.from({ length: wanted.scales }, (_, scale) => scale).find((scale) => !this.answers(wanted)[scale]) : undefined;
      if (!wanted || scale === undefined) break;
      const answer = await this.#answer(wanted.image, { scale, ...wanted.place });
      if ("message" in answer && this.#wanted?.image !== wanted.image) continue; // it may have been given up: another engine is on its way
      this.#keep(wanted, scale, answer);
      this.#onAnswer();
    }
    this.#isAsking = false;
  }

  /**
   * @param {Result} image
   * @param {import("../../shared/types.js").BlockPlace} place
   * @returns {Promise<Answer>}
   */
  async #answer(image, { scale, row, column }) {
    try {
      const block = await this.#ask(image, { scale, row, column });
      return block ? { block } : { message: NO_MEMORY };
    } catch (error) {
      return { message: `${sentence(error)} To look into it, judge the image again.` };
    }
  }

  /**
   * @param {Wanted} of
   * @param {number} scale
   * @param {Answer} answer
   */
  #keep({ image, place }, scale, answer) {
    const blocks = this.#known.get(image) ?? new Map();
    this.#known.set(image, blocks);
    const answers = blocks.get(encode(place)) ?? [];
    blocks.set(encode(place), answers);
    answers[scale] = answer;
  }
}
