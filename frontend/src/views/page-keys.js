/** Keys that act on the thread while the message is being written. */

import { find } from "../lib/dom.js";

/**
 * The keys that turn pages turn those of the thread, unless the text itself has several.
 * @param {KeyboardEvent} event
 */
export function turnPages(event) {
  const area = /** @type {HTMLElement} */ (event.target);
  const way = { PageUp: -1, PageDown: 1 }[event.key];
  if (!way || event.shiftKey || area.scrollHeight > area.clientHeight + 2) return;
  event.preventDefault();
  const scroller = find("#scroller");
  scroller.scrollBy(0, way * scroller.clientHeight * 0.85);
}
