/** The views of the page. The part of the address after "#" names a view, and the style sheet shows that view. */

/** @type {Record<string, string>} */
const TITLES = { try: "find what does not belong", why: "why the block size decides", teach: "teach it your own" };

/** Marks the view that is shown in the navigation and in the title. */
export function followView() {
  const show = () => {
    const current = currentView();
    document.title = `Divide and Assemble: ${TITLES[current]}`;
    mark(".views a", `#${current}`);
    mark(".why-steps a", `#${shown(".step")?.id ?? "blocks"}`);
  };
  addEventListener("hashchange", show);
  show();
}

/** Goes to a view, if another is shown. @param {"try" | "why" | "teach"} view */
export function openView(view) {
  if (currentView() !== view) location.hash = view;
}

function currentView() {
  return shown(".view")?.id ?? "try";
}

/** The view or the step that is shown. @param {".view" | ".step"} kind */
export function shown(kind) {
  return [...document.querySelectorAll(kind)].find((one) => one.getClientRects().length > 0);
}

/** @param {string} links @param {string} current */
function mark(links, current) {
  for (const link of document.querySelectorAll(links)) {
    if (link.getAttribute("href") === current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}
