/** Makes both sides take turns, so that other load on the machine affects both alike. */

import { setTimeout } from "node:timers/promises";

/** The number of measured rounds. A row with fewer rounds says so in its name. */
export const ROUNDS = 10;

/** The pause between turns. After its turn, a side's threads still wait actively for work before they sleep, and would slow down the other side. */
const PAUSE_MS = 250;

/**
 * @param {() => Promise<number>} ours
 * @param {() => Promise<number>} peer
 * @param {{ rounds?: number, warmUps?: number, pause_ms?: number }} [options]
 * @returns {Promise<{ ours: number, peer: number }>} medians
 */
export async function sideBySide(ours, peer, { rounds = ROUNDS, warmUps = 2, pause_ms = PAUSE_MS } = {}) {
  /** @type {{ ours: number[], peer: number[] }} */
  const values = { ours: [], peer: [] };
  const turn = async (/** @type {() => Promise<number>} */ side) => {
    await setTimeout(pause_ms);
    return side();
  };
  for (let round = -warmUps; round < rounds; round++) {
    const pair = { ours: await turn(ours), peer: await turn(peer) };
    if (round < 0) continue;
    values.ours.push(pair.ours);
    values.peer.push(pair.peer);
  }
  return { ours: median(values.ours), peer: median(values.peer) };
}

/** @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle) - 1] ?? NaN)) / 2;
}
