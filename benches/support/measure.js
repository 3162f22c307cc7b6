/** Two sides taking turns, so that what else the machine does meets both alike. */

/** Fewer is said in the row's name. */
export const ROUNDS = 10;

/**
 * @param {() => Promise<number>} ours
 * @param {() => Promise<number>} peer
 * @param {{ rounds?: number, warmUps?: number }} [options]
 * @returns {Promise<{ ours: number, peer: number }>} medians
 */
export async function sideBySide(ours, peer, { rounds = ROUNDS, warmUps = 2 } = {}) {
  /** @type {{ ours: number[], peer: number[] }} */
  const values = { ours: [], peer: [] };
  for (let round = -warmUps; round < rounds; round++) {
    const pair = { ours: await ours(), peer: await peer() };
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
