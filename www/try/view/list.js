/** The view of the list of several images. Rows are updated in place, because there may be a thousand rows, and one of them may have the focus. */

import * as format from "../../shared/format.js";
import { tally } from "../list/state.js";
import { find, make, setUsable } from "../../shared/view/dom.js";
import { paint } from "./panes.js";

/** @typedef {import("../list/state.js").Entry} Entry */
/** @typedef {import("../list/state.js").Column} Column */
/** @typedef {{ send: (event: import("../list/state.js").Event) => void, show: (id: number) => void, exportAs: (kind: "csv" | "json") => void }} Acts */

/** @type {readonly (readonly [Column, string])[]} */
const COLUMNS = [["name", "Image"], ["verdict", "Verdict"], ["score", "Score"], ["r", "R"], ["l", "L"], ["time", "Time"]];
const THUMBNAIL_PX = 80;

/** @type {Record<import("../list/state.js").Row["stage"], string>} */
const STAGES = { waiting: "waiting", judging: "judging…", judged: "", failed: "Failed" };

/**
 * @param {HTMLElement} place
 * @param {Acts} acts
 */
export function createTable(place, { send, show, exportAs }) {
  const title = make("h2", { id: "list-title", textContent: "Several images" });
  const progress = make("progress", { max: 1, value: 0 });
  progress.setAttribute("aria-labelledby", "list-progress");
  const told = make("span", { id: "list-progress", className: "fine" });
  told.dataset.testid = "list-progress";
  const spoken = make("p", { className: "unseen" });
  spoken.setAttribute("role", "status");
  const stop = button("Stop", () => {
    if (stop.getAttribute("aria-disabled") === "false") send({ type: stop.dataset.act === "go-on" ? "go-on" : "stop" });
  });
  const exports = /** @type {const} */ (["csv", "json"]).map((kind) => button(`Save ${kind.toUpperCase()}`, () => exportAs(kind)));
  const clear = button("Clear", () => {
    send({ type: "clear" });
    find("#file", HTMLInputElement).focus();
  });
  const heads = COLUMNS.map(([by, text]) => {
    const head = role(make("th", { scope: "col", className: `of-${by}` }, button(text, () => send({ type: "sort", by }))), "columnheader");
    return { by, head };
  });
  const body = role(make("tbody"), "rowgroup");
  const empty = (/** @type {string} */ text) => role(make("th", { scope: "col", className: "none" }, make("span", { className: "unseen", textContent: text })), "columnheader");
  const headRow = role(make("tr", {}, empty("Picture"), ...heads.map(({ head }) => head), empty("Remove")), "row");
  const table = role(make("table", {}, role(make("thead", {}, headRow), "rowgroup"), body), "table");
  table.setAttribute("aria-labelledby", "list-title");
  place.replaceChildren(
    make("div", { className: "list-head" }, title, make("span", { className: "list-progress" }, progress, told), make("div", { className: "buttons" }, stop, ...exports, clear)),
    spoken,
    make("div", { className: "scroll" }, table),
  );
  /** @type {Map<number, ReturnType<typeof createRow>>} */
  const rows = new Map();
  let wasBusy = false;

  /**
   * @param {import("../list/state.js").State} state
   * @param {readonly Entry[]} entries
   * @param {Map<number, HTMLCanvasElement>} thumbnails
   */
  return (state, entries, thumbnails) => {
    place.hidden = entries.length === 0;
    const count = tally(entries);
    const isBusy = count.done < count.all && !state.stopped;
    const summary = [`${count.all} image${count.all === 1 ? "" : "s"}: ${count.anomalous} anomalous, ${count.normal} normal`, ...(count.unfamiliar ? [`${count.unfamiliar} unfamiliar`] : []), ...(count.failed ? [`${count.failed} failed`] : [])].join(", ");
    told.textContent = count.done < count.all ? `${count.done} of ${count.all}` : summary;
    progress.value = count.all ? count.done / count.all : 0;
    progress.classList.toggle("on", count.done < count.all);
    stop.textContent = state.stopped ? "Go on" : "Stop";
    stop.dataset.act = state.stopped ? "go-on" : "stop";
    setUsable(stop, count.done !== count.all);
    for (const button of exports) button.disabled = count.done === 0;
    if (wasBusy && !isBusy && count.done === count.all) spoken.textContent = `${summary}.`;
    wasBusy = isBusy;
    for (const { by, head } of heads) head.setAttribute("aria-sort", state.order?.by !== by ? "none" : state.order.descending ? "descending" : "ascending");

    const listed = new Set(entries.map(({ id }) => id));
    for (const [id, row] of rows) {
      if (listed.has(id)) continue;
      row.element.remove();
      rows.delete(id);
    }
    entries.forEach((entry, at) => {
      const row = rows.get(entry.id) ?? createRow(entry, { send, show });
      rows.set(entry.id, row);
      row.update(entry, state.shown === entry.id, thumbnails.get(entry.id));
      if (body.children[at] !== row.element) body.insertBefore(row.element, body.children[at] ?? null);
    });
  };
}

/**
 * @param {Entry} entry
 * @param {Pick<Acts, "send" | "show">} acts
 */
function createRow({ id, name }, { send, show }) {
  const picture = role(make("td", { className: "picture" }), "cell");
  const reason = make("span", { className: "fine reason" });
  const open = button(format.shorten(name, 60), () => show(id));
  open.title = name;
  const head = role(make("th", { scope: "row", className: "of-name" }, open, reason), "rowheader");
  const cells = COLUMNS.slice(1).map(([by, text]) => {
    const cell = role(make("td", { className: `of-${by}` }), "cell");
    cell.dataset.title = text;
    return { by, cell };
  });
  const remove = button("×", () => {
    // The focus moves to the next row's button; from the last row it moves to the previous row's button.
    const neighbour = element.nextElementSibling ?? element.previousElementSibling;
    send({ type: "remove", id });
    /** @type {HTMLElement | null} */ (neighbour?.querySelector(".remove button") ?? document.querySelector("#file"))?.focus();
  });
  remove.setAttribute("aria-label", `Remove ${format.shorten(name)}`);
  const element = role(make("tr", {}, picture, head, ...cells.map(({ cell }) => cell), role(make("td", { className: "remove" }, remove), "cell")), "row");
  element.dataset.testid = "list-row";
  element.addEventListener("click", ({ target }) => {
    if (!(target instanceof Element) || !target.closest("button")) show(id);
  });
  /** @type {unknown[]} */
  let last = [];

  return {
    element,
    /**
     * @param {Entry} entry
     * @param {boolean} isShown
     * @param {HTMLCanvasElement | undefined} thumbnail
     */
    update({ stage, scores, score, verdict, elapsedMs, reason: why }, isShown, thumbnail) {
      const now = [stage, scores, score, verdict, isShown, thumbnail];
      if (now.every((value, at) => Object.is(value, last[at]))) return;
      last = now;
      element.setAttribute("aria-current", String(isShown));
      element.dataset.verdict = verdict ?? stage;
      if (thumbnail && picture.firstChild !== thumbnail) picture.replaceChildren(thumbnail);
      reason.textContent = why;
      /** @type {Record<Exclude<Column, "name">, string>} */
      const texts = {
        verdict: verdict ? format.capital(verdict) : STAGES[stage],
        score: scores ? format.score(score ?? NaN) : "",
        r: scores ? format.score(scores.reconstructionScore) : "",
        l: scores ? format.score(scores.alignmentScore ?? NaN) : "",
        time: scores ? format.duration(elapsedMs) : "",
      };
      for (const { by, cell } of cells) if (by !== "name") cell.textContent = texts[by];
    },
  };
}

/** A picture that is small enough to keep a thousand of them. @param {import("../../shared/types.js").Detection} detection */
export function thumbnail({ input, width, height }) {
  const whole = make("canvas");
  paint(whole, input, width, height);
  const small = make("canvas", { width: THUMBNAIL_PX, height: THUMBNAIL_PX });
  small.getContext("2d")?.drawImage(whole, 0, 0, THUMBNAIL_PX, THUMBNAIL_PX);
  return small;
}

/**
 * @param {string} text
 * @param {() => void} onClick
 */
function button(text, onClick) {
  return make("button", { type: "button", textContent: text, onclick: onClick });
}

/**
 * Sets the role of a table element explicitly, because the style of a narrow page would remove it for screen readers.
 * @template {HTMLElement} T
 * @param {T} element
 * @param {string} name
 */
function role(element, name) {
  element.setAttribute("role", name);
  return element;
}
