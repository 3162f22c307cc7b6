/** Stores what the page shows in its address, so that a link shows the same again. */

/** @param {Record<string, string | null>} parameters null removes a parameter: the page's default */
export function remember(parameters) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(parameters)) {
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  history.replaceState(history.state, "", url);
}
