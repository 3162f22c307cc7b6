import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { POLICY } from "../../../www/shared/policy.js";

const ASSEMBLE = fileURLToPath(new URL("../../../scripts/site.mjs", import.meta.url));
const WASM = Buffer.from([0, 97, 115, 109, 1, 0, 0, 0]);

/** @type {string} */
let dir;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), "daad-site-test-"));
  for (const engine of ["cpu", "learn-threads"]) {
    await mkdir(join(dir, "pkg", engine), { recursive: true });
    await writeFile(join(dir, "pkg", engine, "daad.js"), "export default async () => new URL('daad_bg.wasm', import.meta.url);");
    await writeFile(join(dir, "pkg", engine, "daad_bg.wasm"), WASM);
  }
  await mkdir(join(dir, "models/series"), { recursive: true });
  for (const model of ["first", "series/floors-r2"]) await writeFile(join(dir, "models", `${model}.safetensors`), model);
  await assemble("site");
});

after(() => rm(dir, { recursive: true, force: true }));

/** @param {string} out */
function assemble(out) {
  return promisify(execFile)(process.execPath, [ASSEMBLE, "--pkg", join(dir, "pkg"), "--models", join(dir, "models"), "--out", join(dir, out), "--compressed", join(dir, "compressed")]);
}

/** @param {string} site @returns {Promise<string>} the folder of the page's own files */
async function own(site) {
  return (await readdir(join(dir, site))).find((name) => /^page-[0-9a-f]{16}$/.test(name)) ?? assert.fail("the site has a folder of the page's own files");
}

test("the page names files that are there, and says its policy before it loads anything", async () => {
  const html = await readFile(join(dir, "site/index.html"), "utf8");
  const files = [...html.matchAll(/<(?:link|script)[^>]* (?:href|src)="([^"]+)"/g)].map(([, file = ""]) => file);
  assert.ok(files.some((file) => /^page-[0-9a-f]{16}\/main\.js$/.test(file)) && files.some((file) => /^page-[0-9a-f]{16}\/style\.css$/.test(file)), files.join());
  for (const file of files) assert.ok(existsSync(join(dir, "site", file)), file);
  assert.ok(html.indexOf(`content="${POLICY}"`) < html.indexOf("<link"), "the policy comes first");
  assert.doesNotMatch(html, /<script(?![^>]* src=)|<style/, "nothing is inline, for the policy forbids it");
});

test("buttons, sliders and choices whose scripts are loaded late cannot be used before", async () => {
  const html = await readFile(join(dir, "site/index.html"), "utf8");
  const controls = [...html.matchAll(/<(?:button|select|input type="range"|input [^>]*type="range")[^>]*>/g)].map(([tag]) => tag);
  const usable = controls.filter((tag) => !/disabled/.test(tag)).map((tag) => /id="([^"]+)"/.exec(tag)?.[1]);
  const early = ["opacity", "choice"]; // the first script knows these
  const hidden = ["live-stop", "teach-count", "teach-part", "teach-time", "teach-rate", "teach-again"]; // shown later, or read when they are needed
  assert.deepEqual(usable.sort(), [...early, ...hidden].sort());
});

test("models have their hash in their names, the package in that of its folder, and engines that are missing are left out", async () => {
  const manifest = JSON.parse(await readFile(join(dir, "site", await own("site"), "manifest.json"), "utf8"));
  const folder = (await readdir(join(dir, "site"))).find((name) => /^daad-[0-9a-f]{16}$/.test(name)) ?? assert.fail("the site has the package");
  assert.deepEqual((await readdir(join(dir, "site", folder, "engines"))).sort(), ["cpu", "learn-threads"]);
  const page = join(dir, "site", await own("site"));
  const scripts = await Promise.all((await readdir(page)).filter((name) => name.endsWith(".js")).map((name) => readFile(join(page, name), "utf8")));
  assert.ok(scripts.some((script) => script.includes(`"../${folder}/index.js"`)), "the page imports it from there");
  const files = [...manifest.models, ...manifest.series];
  for (const { file, hash } of files) {
    assert.ok(file.includes(`-${hash}.`), file);
    assert.ok(existsSync(join(dir, "site", file)), file);
  }
  assert.deepEqual([manifest.models[0].name, manifest.series[0].name], ["first", "floors-r2"]);
});

test("the service worker is one script, and keeps every file of the page's own", async () => {
  const worker = await readFile(join(dir, "site/service-worker.js"), "utf8");
  assert.doesNotMatch(worker, /__WB_MANIFEST|(^|[;}])(import|export)[ {"]/);
  const folder = await own("site");
  const names = (await readdir(join(dir, "site", folder))).filter((name) => !/\.(map|br|gz)$/.test(name));
  for (const name of names) assert.ok(worker.includes(`"${folder}/${name}"`), name);
  assert.match(worker, /"daad-[0-9a-f]{16}\/index\.js"/);
});

test("the same content has the same address, another one has another", async () => {
  await assemble("again");
  assert.equal(await own("again"), await own("site"));
  await writeFile(join(dir, "models/first.safetensors"), "taught anew");
  await assemble("changed");
  assert.notEqual(await own("changed"), await own("site"), "the page names the new model");
});

test("a folder that is no site is not replaced", async () => {
  await mkdir(join(dir, "letters"));
  await writeFile(join(dir, "letters/letter.txt"), "a letter");
  await assert.rejects(assemble("letters"), /holds files but no site/);
  assert.ok(existsSync(join(dir, "letters/letter.txt")));
});
