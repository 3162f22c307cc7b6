/** Opens a site with our page and its model of paper, the peer's page with the same model, and an image of the model's size for both. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { exported } from "./models.js";
import { ROOT } from "./settings.js";
import { openSite } from "./site.js";

/** The caller must stop the site after use. */
export async function openPaper() {
  const network = await exported(join(ROOT, "models/piped.safetensors"));
  const site = await openSite([network]);
  const { galleries } = JSON.parse(await readFile(join(site.dir, "gallery/gallery.json"), "utf8"));
  const { samples } = galleries.find((/** @type {{ model: string }} */ { model }) => model === "piped");
  const image = samples[0].file;
  return {
    site,
    network,
    /** The page's address. @param {"wasm" | "webgpu"} backend */
    ours: (backend) => `${site.url}?backend=${backend}&model=piped&sample=${image}`,
    /** The peer's. @param {"wasm" | "webgpu"} provider */
    peer: (provider) => `${site.url}bench/peer.html?${new URLSearchParams({ ...site.runtime(provider), model: site.address(network), image: `/gallery/${image}`, provider })}`,
  };
}
