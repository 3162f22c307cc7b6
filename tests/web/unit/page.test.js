import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";

const html = await readFile(new URL("../../../www/index.html", import.meta.url), "utf8");
const ids = [...html.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id ?? "");

test("no two elements have the same id", () => {
  assert.deepEqual(ids.filter((id, at) => ids.indexOf(id) !== at), []);
});

test("links within the page, labels and descriptions lead to something", () => {
  const named = [...html.matchAll(/\s(?:href="#|for="|aria-describedby=")([^"]+)"/g)].flatMap(([, names]) => names?.split(" ") ?? []);
  assert.ok(named.length > 20);
  assert.deepEqual(named.filter((id) => !ids.includes(id)), []);
});

test("what is said to screen readers is not inside a card that may be closed", () => {
  const cards = [...html.matchAll(/<details[\s\S]*?<\/details>/g)].map(([card]) => card);
  assert.ok(cards.length > 3);
  assert.deepEqual(cards.filter((card) => card.includes("aria-live")), []);
});
