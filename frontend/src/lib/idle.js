/** Runs work when the browser is idle. */

/** @param {() => void} work */
export function whenIdle(work) {
  if ("requestIdleCallback" in window) requestIdleCallback(work, { timeout: 500 });
  else setTimeout(work, 16);
}
