import * as format from "../format.js";
import { find, make } from "./dom.js";

/** The choice of backend and model, and what came of it. */

/** @type {Record<string, string>} */
const TITLES = { trained_on: "Training images", data: "Training data", device: "Trained by", attribution: "Data by" };

/**
 * @param {(choice: import("../types.js").BackendChoice) => void} onChoice
 * @param {(model: string) => void} onModel
 * @param {(file: File) => void} onFile a model of the visitor's
 */
export function chooseEngine(onChoice, onModel, onFile) {
  const choice = find("#choice", HTMLSelectElement);
  choice.addEventListener("change", () => onChoice(/** @type {import("../types.js").BackendChoice} */ (choice.value)));
  const model = find("#model", HTMLSelectElement);
  model.addEventListener("change", () => onModel(model.value));
  const file = find("#model-file", HTMLInputElement);
  file.addEventListener("change", () => {
    const [chosen] = file.files ?? [];
    file.value = ""; // so that choosing the same file again is a change
    if (chosen) onFile(chosen);
  });
}

/**
 * @param {import("../types.js").BackendChoice} choice
 * @param {import("../state.js").Loaded | null} loaded
 */
export function showBackend(choice, loaded) {
  find("#choice", HTMLSelectElement).value = choice;
  const note = find("#note", HTMLElement);
  note.textContent = loaded?.note ?? "";
  note.hidden = !loaded?.note;
}

/** @param {import("../state.js").Loaded | null} loaded */
export function showRanOn(loaded) {
  const element = find("[data-testid=backend]", HTMLElement);
  element.textContent = loaded ? format.backend(loaded.backend, loaded.threads) : "–";
  element.title = loaded?.gpu ?? "";
}

/**
 * One model needs no choice.
 * @param {import("../types.js").ModelFile[]} models
 * @param {string} chosen
 */
export function showModels(models, chosen) {
  find("#model-label", HTMLElement).hidden = models.length < 2;
  find("#model", HTMLSelectElement).replaceChildren(...models.map(({ file, name }) => make("option", { value: file, textContent: name, selected: file === chosen })));
}

/** @param {import("../types.js").ModelInfo | undefined} info */
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
