import assert from "node:assert/strict";
import test from "node:test";
import { bytesOf, fromFile, tooLarge } from "../../../www/shared/images.js";

/** @param {Partial<File>} fields */
function file(fields) {
  return /** @type {File} */ ({ name: "file", type: "", size: 1, arrayBuffer: async () => new ArrayBuffer(1), ...fields });
}

test("a folder dropped as a file is named in a sentence of our own", async () => {
  const folder = fromFile(file({ name: "photos", arrayBuffer: () => Promise.reject(new DOMException("A requested file or directory could not be found")) }));
  await assert.rejects(folder.read, { message: "photos could not be read: it was changed or removed after it was chosen, or it is a folder. Choose it again, or the images in the folder." });
});

test("names are short and there is always one", () => {
  assert.equal([...fromFile(file({ name: `${"a".repeat(300)}.png` })).name].length, 40);
  assert.equal(fromFile(file({ name: "" })).name, "The pasted image");
});

test("a file too large is refused unread, by name", () => {
  assert.equal(tooLarge(file({ size: 64e6 })), "");
  assert.equal(tooLarge(file({ name: "map.png", size: 65e6 })), "map.png has 65 MB; images up to 64 MB are accepted.");
});

test("what the engine reads is handed to it as it is, whatever its name and type say", async () => {
  for (const start of ["\x89PNG\r\n\x1a\n", "\xff\xd8\xff\xe0", "BM\x36\0", "RIFF\x1a\0\0\0WEBPVP8 "]) {
    const bytes = Uint8Array.from(start, (letter) => letter.charCodeAt(0)).buffer;
    assert.equal(await bytesOf(file({ type: "image/x-ms-bmp", arrayBuffer: async () => bytes })), bytes);
  }
});

test("what neither the engine nor the browser reads is left to the engine, which names it", async () => {
  const bytes = new TextEncoder().encode("version https://git-lfs.github.com/spec/v1").buffer;
  assert.equal(await bytesOf(file({ name: "lfs.png", type: "image/png", arrayBuffer: async () => bytes })), bytes);
  const empty = new ArrayBuffer(0);
  assert.equal(await bytesOf(file({ arrayBuffer: async () => empty })), empty);
});
