/** The page's address says what it shows, so that a link shows it again. */

/** @param {Record<string, string | null>} parameters null: as the page is at first */
export function remember(parameters) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(parameters)) {
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  history.replaceState(history.state, "", url);
}
