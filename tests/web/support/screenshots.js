/** Saves screenshots in the folder DAAD_SCREENSHOTS, if it is set. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

/**
 * @param {import("playwright-core").Locator} what
 * @param {string} name
 */
export async function screenshot(what, name) {
  const folder = process.env["DAAD_SCREENSHOTS"];
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await what.screenshot({ path: join(folder, `${name}.png`) });
}
