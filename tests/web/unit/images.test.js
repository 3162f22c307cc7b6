import assert from "node:assert/strict";
import test from "node:test";
import { fromFile, tooLarge } from "../../../www/images.js";

/** @param {Partial<File>} fields */
function file(fields) {
  return /** @type {File} */ ({ name: "file", type: "", size: 1, arrayBuffer: async () => new ArrayBuffer(1), ...fields });
}

test("a folder dropped as a file is named in a sentence of our own", async () => {
  const folder = fromFile(file({ name: "photos", arrayBuffer: () => Promise.reject(new DOMException("A requested file or directory could not be found")) }));
  await assert.rejects(folder.read, { message: "photos could not be read: if it is a folder, drop the images in it instead." });
});

test("names are short and there is always one", () => {
  assert.equal([...fromFile(file({ name: `${"a".repeat(300)}.png` })).name].length, 40);
  assert.equal(fromFile(file({ name: "" })).name, "The pasted image");
});

test("a file too large is refused unread, by name", () => {
  assert.equal(tooLarge(file({ size: 64e6 })), "");
  assert.equal(tooLarge(file({ name: "map.png", size: 65e6 })), "map.png has 65 MB; images up to 64 MB are accepted.");
});
