import * as format from "../../shared/format.js";
import { find, make } from "../../shared/view/dom.js";

/** The choice of backend, and the information about engine and model. */

/** @type {Record<string, string>} */
const TITLES = { trained_on: "Training images", data: "Training data", device: "Trained by", attribution: "Data by" };

/** @param {(choice: import("../../shared/types.js").BackendChoice) => void} onChoice */
export function chooseEngine(onChoice) {
  const choice = find("#choice", HTMLSelectElement);
  choice.addEventListener("change", () => onChoice(/** @type {import("../../shared/types.js").BackendChoice} */ (choice.value)));
}

/**
 * @param {import("../../shared/types.js").BackendChoice} choice
 * @param {import("../../shared/state.js").Loaded | null} loaded
 */
export function showBackend(choice, loaded) {
  find("#choice", HTMLSelectElement).value = choice;
  const note = find("#note", HTMLElement);
  note.textContent = loaded?.note ?? "";
  note.hidden = !loaded?.note;
}

/** @param {import("../../shared/state.js").Loaded | null} loaded */
export function showRanOn(loaded) {
  const element = find("[data-testid=backend]", HTMLElement);
  element.textContent = loaded ? format.backend(loaded.backend, loaded.threads) : "–";
  element.title = loaded?.gpu ?? "";
}

/** @param {import("../../shared/types.js").ModelInfo | undefined} info */
export function showAbout(info) {
  if (!info) return;
  const { division } = info;
  const facts = {
    System: info.system,
    Image: `${info.width} × ${info.height} pixels`,
    Scales: info.scales,
    Blocks: division && `${division.height} × ${division.width} × ${division.channel} per map`,
    "Memory items": `${info.memoryItems} per scale`,
    "Base width": info.baseWidth,
    Parameters: format.millions(info.parameters),
    "Weight of R (γ)": info.alignment && info.gamma,
    ...Object.fromEntries(Object.entries(info.provenance).filter(([, value]) => typeof value !== "object").map(([key, value]) => [title(key), value])),
  };
  const rows = Object.entries(facts).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  find("#about", HTMLElement).replaceChildren(...rows.map(([key, value]) => make("div", {}, make("dt", { textContent: key }), make("dd", { textContent: String(value) }))));
}

/** @param {string} key such as "trained_on" */
function title(key) {
  return TITLES[key] ?? format.capital(key.replaceAll("_", " "));
}
