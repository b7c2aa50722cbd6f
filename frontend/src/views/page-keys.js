/** The listeners for the keys of the page (`keys.js`). */

import { el, find } from "../lib/dom.js";
import { translate } from "../lib/translate.js";
import { ariaKey, isKey, KEYS, keyCaps, keyText } from "./keys.js";

/**
 * @typedef {object} Acts
 * @property {() => void} newChat
 * @property {() => void} palette
 * @property {() => void} keys
 * @property {() => boolean} stop false if no reply runs
 * @property {() => boolean} editLast false if no message can be edited
 */

/** @param {Acts} acts */
export function listenToKeys(acts) {
  showKeys();
  const area = /** @type {HTMLTextAreaElement} */ (find("#composer-text"));
  area.addEventListener("keydown", (event) => {
    if (isKey("editLast", event) && !area.value && acts.editLast()) event.preventDefault();
    else turnPages(area, event);
  });
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || !acted(acts, event)) return;
    event.preventDefault();
  });
}

/** Says at the controls of the page which keys do the same. */
function showKeys() {
  for (const control of /** @type {NodeListOf<HTMLElement>} */ (
    document.querySelectorAll("[data-key]")
  )) {
    const name = /** @type {import("./keys.js").KeyName} */ (control.dataset.key);
    control.setAttribute("aria-keyshortcuts", ariaKey(name));
    control.title = `${translate(KEYS[name].label, {})} (${keyText(name)})`;
  }
  find("#palette-keys").append(...keyCaps(KEYS.palette).map((cap) => el("kbd", {}, cap)));
}

/**
 * @param {Acts} acts
 * @param {KeyboardEvent} event
 * @returns {boolean} true if the key had an effect
 */
function acted(acts, event) {
  // A dialog or a menu is answered first.
  if (document.querySelector("dialog[open], .menu")) return false;
  if (isKey("palette", event)) acts.palette();
  else if (isKey("newChat", event)) acts.newChat();
  else if (isKey("stop", event)) return acts.stop();
  else if (isKey("keys", event) && !isTyped(event)) acts.keys();
  else return false;
  return true;
}

/**
 * True if a key writes into a field.
 * @param {KeyboardEvent} event
 */
function isTyped({ target }) {
  if (!(target instanceof HTMLElement)) return false;
  // An empty message cannot begin with it unasked: the sign itself is typed there.
  return target.isContentEditable || target.matches("input, textarea, select");
}

/**
 * The keys that turn pages turn those of the thread, unless the text itself has several.
 * @param {HTMLTextAreaElement} area
 * @param {KeyboardEvent} event
 */
function turnPages(area, event) {
  const way = isKey("pageUp", event) ? -1 : isKey("pageDown", event) ? 1 : 0;
  if (!way || area.scrollHeight > area.clientHeight + 2) return;
  event.preventDefault();
  const scroller = find("#scroller");
  scroller.scrollBy(0, way * scroller.clientHeight * 0.85);
}
