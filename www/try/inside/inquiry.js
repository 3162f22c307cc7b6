/** Asks the engine about blocks, one scale at a time. A newer request replaces an older one. The answers are kept as long as the result of their image. */

import { sentence } from "../../shared/format.js";
import { encode } from "./place.js";

/** @typedef {import("../../shared/types.js").InspectedBlock} InspectedBlock */
/** @typedef {{ block: InspectedBlock } | { message: string }} Answer the block's addressing, or one sentence that says why there is none */
/** @typedef {import("../../shared/state.js").Result} Result */
/** @typedef {{ image: Result, place: import("./place.js").Place, scales: number }} Wanted */

const NO_MEMORY = "No memory is at this scale: the map goes through as it is.";

export class Inquiry {
  /** The answers by image, then by block and scale. @type {WeakMap<object, Map<string, (Answer | undefined)[]>>} */
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
   * The answers so far, by scale.
   * @param {Omit<Wanted, "scales">} of
   * @returns {readonly (Answer | undefined)[]}
   */
  answers({ image, place }) {
    return this.#known.get(image)?.get(encode(place)) ?? [];
  }

  /** @param {Wanted | null} wanted replaces the earlier request; null: ask the engine nothing */
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
      if ("message" in answer && this.#wanted?.image !== wanted.image) continue; // the request may have failed only because another engine is being loaded
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
