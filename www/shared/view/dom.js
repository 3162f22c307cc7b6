/** Helpers for every view. */

/**
 * The element with an id, of the kind that the view expects: a typo in the page fails at once and says where.
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

/** Only what changed: a screen reader reads what is set anew. @param {string} selector @param {string} text */
export function put(selector, text) {
  const element = find(selector, HTMLElement);
  if (element.textContent !== text) element.textContent = text;
}

/** An image without an address would not keep its place. */
const NO_PICTURE = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";

/**
 * Makes an image that is downloaded later, and after what is more urgent.
 * @param {string} src
 * @param {Promise<unknown>} then when
 * @param {Partial<HTMLImageElement>} properties with a size
 */
export function makeLater(src, then, properties) {
  const image = make("img", { fetchPriority: "low", src: NO_PICTURE, ...properties });
  void then.then(() => (image.src = src));
  return image;
}
