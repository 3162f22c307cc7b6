/** Saves screenshots in the folder DAAD_SCREENSHOTS, if it is set. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

/**
 * @param {import("playwright-core").Locator | import("playwright-core").Page} what a page is shown from its top to its end
 * @param {string} name
 */
export async function screenshot(what, name) {
  const folder = process.env["DAAD_SCREENSHOTS"];
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${name}.png`);
  await ("goto" in what ? what.screenshot({ path, fullPage: true }) : what.screenshot({ path }));
}
