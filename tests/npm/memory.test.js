/** Tests the packed package in Node over thousands of images, in a file of its own because it takes long. Needs DAAD_PACKAGE; DAAD_HOSTS must be set, but is not used. */

import assert from "node:assert/strict";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { FLOORS, SMALL_MODEL, createProject, run } from "./support/project.js";

/** @type {Awaited<ReturnType<typeof createProject>>} */
let project;

before(async () => {
  project = await createProject();
});

after(() => project?.remove());

test("scores 5,000 images alike, in memory that stays as it is", { timeout: 240_000 }, async () => {
  const { scores, rss } = await run(
    project.dir,
    `import { readFile } from "node:fs/promises";
    import { Detector } from "daad";
    const detector = await Detector.load(process.argv[2]);
    const image = await readFile(process.argv[3]);
    const scores = new Set(), rss = [];
    for (let count = 1; count <= 5000; count++) {
      scores.add((await detector.detect(image)).score);
      if (count % 500 === 0) rss.push(process.memoryUsage().rss / 2 ** 20);
    }
    console.log(JSON.stringify({ scores: [...scores], rss }));`,
    [SMALL_MODEL, join(FLOORS, "good-1.png")],
    ["--max-semi-space-size=1"], // otherwise V8 enlarges the memory for young objects, even if none is kept
  );
  assert.equal(scores.length, 1);
  console.log(`MiB after each 500 images: ${rss.map(Math.round).join(" ")}`);
  assert.ok(rss.at(-1) - rss[1] < 32, "one picture of each of the last 4,000 images would take 62 MiB");
});
