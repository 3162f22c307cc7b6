/** Helpers for every view. */

/**
 * Finds an element of the kind that the view expects. If it is missing, for instance because of a typo, this fails at once with its selector.
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T}
 */
export function find(selector, kind) {
  const element = document.querySelector(selector);
  if (!(element instanceof kind)) throw new Error(`index.html has no ${kind.name} ${selector}`);
  return element;
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Partial<HTMLElementTagNameMap[K]>} [properties]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Sets a text only if it has changed, because a screen reader reads a text again when it is set. @param {string} selector @param {string} text */
export function put(selector, text) {
  const element = find(selector, HTMLElement);
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Enables controls that are disabled until their script is there, because it would not know what was done to them before.
 * @param {(HTMLButtonElement | HTMLInputElement | HTMLSelectElement)[]} controls
 */
export function enable(...controls) {
  for (const control of controls) control.disabled = false;
}

/** Shows whether a button can be used. It is never `disabled`, because a disabled button loses the focus. @param {Element} button @param {boolean} isUsable */
export function setUsable(button, isUsable) {
  button.setAttribute("aria-disabled", String(!isUsable));
}

/**
 * Calls `then` when the element comes into view, so that nothing is downloaded or played for visitors who do not see it.
 * @param {HTMLElement} element
 * @param {() => void} then
 */
export function whenSeen(element, then) {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      observer.disconnect();
      then();
    },
    { rootMargin: "300px" },
  );
  observer.observe(element);
}

/** A transparent picture, because an image without an address would not keep its place in the layout. */
const NO_PICTURE = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";

/**
 * Makes an image element whose picture is downloaded later, with low priority.
 * @param {string} src
 * @param {Promise<unknown>} then the download starts after it
 * @param {Partial<HTMLImageElement>} properties with a size
 */
export function makeLater(src, then, properties) {
  const image = make("img", { fetchPriority: "low", src: NO_PICTURE, ...properties });
  void then.then(() => (image.src = src));
  return image;
}
