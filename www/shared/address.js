/** Stores what the page shows in its address, so that a link shows the same again. */

/** What the page shows. */
let search = location.search;

// An earlier entry of the history has earlier parameters, but the page shows the same as before.
addEventListener("popstate", () => {
  if (location.search === search) return;
  const url = new URL(location.href);
  url.search = search;
  history.replaceState(history.state, "", url);
});

/** @param {Record<string, string | null>} parameters null removes a parameter: the page's default */
export function remember(parameters) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(parameters)) {
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  history.replaceState(history.state, "", url);
  search = url.search;
}
