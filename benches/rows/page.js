/** The time from opening the page to the first score, compared with the same page on ONNX Runtime Web and with a minimal page on it; and how fast the page responds to a visitor. */

import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { chromium } from "playwright-core";
import { OPTIONS, launch } from "../../tests/web/support/page.js";
import { interact } from "../support/interactions.js";
import { sideBySide } from "../support/measure.js";
import { openPaper } from "../support/paper.js";
import { assertClose } from "../support/same.js";
import { FOLDER } from "../support/settings.js";
import { openTwin } from "../support/twin.js";

/** The pause after the browser's start and after a visit, because the browser then still works: it makes requests of its own, compiles, and caches compiled code. */
const SETTLING_MS = 2000;

/** The last two rows of a warm cache come from the same visits. @type {Promise<{ ours: number, peer: number }> | undefined} */
let warmVisits;

export const rows = [
  { id: "page-cold", what: "page opened to first score, wasm, cold cache", unit: "ms", aim: { of: "ratio", most: 0.5 }, measure: () => withSame(cold) },
  { id: "page-warm", what: "page opened to first score, wasm, warm cache", unit: "ms", aim: { of: "ratio", most: 0.5 }, measure: () => (warmVisits ??= withSame(warm)) },
  { id: "page-warm-time", what: "the same, absolute", unit: "ms", aim: { of: "ours", most: 500 }, measure: async () => ({ ours: (await (warmVisits ??= withSame(warm))).ours }) },
  { id: "page-minimal-cold", what: "our page beside a page of the peer that shows a score and nothing else, cold cache", unit: "ms", measure: () => withMinimal(cold) },
  { id: "page-minimal-warm", what: "the same, warm cache", unit: "ms", measure: () => withMinimal(warm) },
  { id: "page-interaction", what: "slowest answer to what a visitor does, 390 and 1440 pixels wide", unit: "ms", aim: { of: "ours", most: 100 }, measure: () => withMinimal(interactions) },
];

/** @typedef {{ ours: string, peer: string }} Urls */

/** The peer has the same page. @param {(urls: Urls) => Promise<{ ours: number, peer: number }>} measure */
async function withSame(measure) {
  const { site, network, ours } = await openPaper();
  const twin = await openTwin(site, "piped", network);
  try {
    return await measure({ ours: ours("wasm"), peer: twin.url + new URL(ours("wasm")).search });
  } finally {
    await Promise.all([site.stop(), twin.stop()]);
  }
}

/** The peer has a page that shows the score and nothing else. @template T @param {(urls: Urls) => Promise<T>} measure */
async function withMinimal(measure) {
  const { site, ours, peer } = await openPaper();
  try {
    return await measure({ ours: ours("wasm"), peer: peer("wasm") });
  } finally {
    await site.stop();
  }
}

/** A new browser profile for every visit. @param {Urls} urls */
async function cold({ ours, peer }) {
  /** @type {Record<string, number>} */
  const scores = {};
  const once = async (/** @type {string} */ url) => {
    const profile = await openProfile();
    const { ms, score } = await profile.visit(url);
    scores[url] = score;
    await profile.close();
    return ms;
  };
  const figures = await sideBySide(() => once(ours), () => once(peer), { warmUps: 1 });
  assertClose([scores[ours] ?? NaN], [scores[peer] ?? NaN], "score on the page");
  return figures;
}

/** Each side has one browser profile, which has visited the page before. @param {Urls} urls */
async function warm({ ours, peer }) {
  const profiles = { ours: await openProfile(), peer: await openProfile() };
  try {
    const visit = async (/** @type {"ours" | "peer"} */ side, /** @type {string} */ url) => (await profiles[side].visit(url, SETTLING_MS)).ms;
    return await sideBySide(() => visit("ours", ours), () => visit("peer", peer), { warmUps: 3 });
  } finally {
    await Promise.all(Object.values(profiles).map((profile) => profile.close()));
  }
}

/** @param {Urls} urls */
async function interactions({ ours }) {
  let slowest = 0;
  for (const viewport of [{ width: 390, height: 844 }, { width: 1440, height: 900 }]) {
    const browser = await launch([]);
    const page = await browser.newPage({ viewport });
    const answers = await interact(page, ours);
    console.error(answers.map(({ what, ms }) => `${what} ${ms}`).join(", "));
    slowest = Math.max(slowest, ...answers.map(({ ms }) => ms));
    await browser.close();
  }
  return { ours: slowest };
}

async function openProfile() {
  const folder = await mkdtemp(join(FOLDER, "profile-"));
  const context = await chromium.launchPersistentContext(folder, OPTIONS);
  // Leaves the browser's own start page, because loading it would slow down the first visit.
  await context.pages()[0]?.goto("about:blank");
  await setTimeout(SETTLING_MS);
  await context.addInitScript(watch);
  return {
    /** @param {string} url @param {number} [stay_ms] @returns {Promise<{ ms: number, score: number }>} */
    async visit(url, stay_ms = 0) {
      const page = await context.newPage();
      await page.goto(url);
      const scored = await page.waitForFunction(() => /** @type {any} */ (globalThis).scored);
      const result = await scored.jsonValue();
      await setTimeout(stay_ms);
      await page.close();
      return result;
    },
    async close() {
      await context.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Runs in the page: records when the score appears, in milliseconds since the page was requested. */
function watch() {
  const observer = new MutationObserver(() => {
    const shown = document.querySelector("[data-testid=score][data-value]");
    if (!(shown instanceof HTMLElement)) return;
    Object.assign(globalThis, { scored: { ms: performance.now(), score: Number(shown.dataset["value"]) } });
    observer.disconnect();
  });
  observer.observe(document, { subtree: true, childList: true, attributes: true });
}
