/** Scoring of large photographs in tiles. The time must grow with the number of tiles, and the memory only with the size of the photograph. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { sideBySide } from "../support/measure.js";
import { batch, imageFile, model } from "../support/models.js";
import { ENVIRONMENT, askNative, built } from "../support/programs.js";

const WIDTH = 16;
const TILE_PX = 256;
const SMALL_PX = 2048;
const LARGE_PX = 4096;
const ROUNDS = 3;

export const rows = [
  {
    id: "tiles-time",
    what: `judge ${LARGE_PX}² by tiles (ours) and one tile as often (as peer), w = ${WIDTH}, ${ROUNDS} runs only`,
    unit: "s",
    aim: { of: "ratio", most: 1.1 },
    measure: async () => time(await built("bin", "daad")),
  },
  {
    id: "tiles-memory",
    what: `peak memory less the pixels, ${LARGE_PX}² (ours) and ${SMALL_PX}² (as peer), w = ${WIDTH}`,
    unit: "MB",
    aim: { of: "ratio", most: 1.05 },
    measure: async () => memory(await built("bin", "daad")),
  },
];

/** @param {string} program */
async function time(program) {
  const tile = await askNative("score", await model(WIDTH, TILE_PX), await batch(1, TILE_PX));
  let tiles = 0;
  const ours = async () => {
    const judged = await judge(program, LARGE_PX);
    tiles = judged.tiles;
    return judged.seconds;
  };
  const peer = async () => {
    let seconds = 0;
    for (let count = 0; count < tiles; count++) seconds += (await tile.next()).seconds;
    return seconds;
  };
  try {
    return await sideBySide(ours, peer, { rounds: ROUNDS, warmUps: 1 });
  } finally {
    await tile.stop();
  }
}

/** @param {string} program */
async function memory(program) {
  const beyond = async (/** @type {number} */ side_px) => ((await judge(program, side_px)).peak_bytes - 3 * side_px ** 2) / 1e6;
  return { ours: await beyond(LARGE_PX), peer: await beyond(SMALL_PX) };
}

/**
 * @param {string} program
 * @param {number} side_px
 */
async function judge(program, side_px) {
  const words = ["score", "--device", "cpu", "--json", "--tiles", "--model", await model(WIDTH, TILE_PX), await imageFile(side_px)];
  const start = performance.now();
  const child = spawn(program, words, { env: ENVIRONMENT, stdio: ["ignore", "pipe", "inherit"] });
  let peak_bytes = 0;
  const watch = setInterval(() => (peak_bytes = highWaterMark(child.pid) ?? peak_bytes), 20);
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  clearInterval(watch);
  if (code !== 0) throw new Error(`${program} ${words.join(" ")} failed`);
  return { seconds: (performance.now() - start) / 1000, peak_bytes, tiles: JSON.parse(output).tiles.length };
}

/** The peak memory of a process; none if the process has ended. @param {number | undefined} pid */
function highWaterMark(pid) {
  try {
    const [, kilobytes] = /VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return kilobytes && 1024 * Number(kilobytes);
  } catch {
    return undefined;
  }
}
