/** Makes SVG elements of icons from the part that differs between them. */

const COMMON =
  'xmlns="http://www.w3.org/2000/svg" class="icon" aria-hidden="true" viewBox="0 0 24 24" ' +
  'fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"';

/** @type {Map<string, Node>} */
const parsed = new Map();

/**
 * @param {string} within the text of what is in the <svg>
 * @returns {SVGElement}
 */
export function drawn(within) {
  let source = parsed.get(within);
  if (!source) {
    const text = `<svg ${COMMON}>${within}</svg>`;
    source = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    parsed.set(within, source);
  }
  return /** @type {SVGElement} */ (document.importNode(source, true));
}
