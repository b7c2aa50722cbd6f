/**
 * The script of the offline page, which stands in for a page that could not be loaded: it loads
 * that page again, at the press of a button, or once the server can be reached.
 */
import { find } from "./lib/dom.js";
import { chosenTheme, followTheme, showTheme } from "./lib/theme.js";

/** Milliseconds between two looks for the server. */
const SHORTEST = 2000;
const LONGEST = 30_000;

showTheme(chosenTheme());
followTheme();

document.addEventListener("DOMContentLoaded", () => {
  for (const kind of ["online", "offline"]) window.addEventListener(kind, showReason);
  showReason();
  window.addEventListener("online", () => location.reload());
  find("#again").addEventListener("click", () => location.reload());
  look(SHORTEST);
});

/** Shows whether the network or the server is missing. */
function showReason() {
  find("#offline").hidden = navigator.onLine;
  find("#unreachable").hidden = !navigator.onLine;
}

/**
 * Looks for the server, more and more rarely. A network often works some time after the browser
 * says so, and a server that starts again is announced by nobody.
 * @param {number} delay
 */
function look(delay) {
  setTimeout(async () => {
    if (!document.hidden && (await isThere())) location.reload();
    else look(Math.min(delay * 1.5, LONGEST));
  }, delay);
}

async function isThere() {
  try {
    return (await fetch("/healthz", { cache: "no-store" })).ok;
  } catch {
    return false;
  }
}
