/** Events after which a retry is worthwhile: the network or the reader is back. */

/**
 * @param {() => void} act
 * @param {EventTarget|undefined} [target] undefined where there is no page
 */
export function whenBack(act, target = globalThis.window) {
  target?.addEventListener("online", act);
  // The browser may take the page out of its cache of pages that were left.
  target?.addEventListener("pageshow", (event) => {
    if (/** @type {PageTransitionEvent} */ (event).persisted) act();
  });
  globalThis.document?.addEventListener("visibilitychange", () => document.hidden || act());
}
