/**
 * The icons of the page, out of lucide. They are decoration: every button has a label besides.
 * Only what is drawn is built in; what all of them have in common stands here.
 */

import archive from "lucide-static/icons/archive.svg";
import unarchive from "lucide-static/icons/archive-restore.svg";
import arrowDown from "lucide-static/icons/arrow-down.svg";
import arrowUp from "lucide-static/icons/arrow-up.svg";
import check from "lucide-static/icons/check.svg";
import chevronDown from "lucide-static/icons/chevron-down.svg";
import chevronLeft from "lucide-static/icons/chevron-left.svg";
import chevronRight from "lucide-static/icons/chevron-right.svg";
import alert from "lucide-static/icons/circle-alert.svg";
import clock from "lucide-static/icons/clock.svg";
import offline from "lucide-static/icons/cloud-off.svg";
import copy from "lucide-static/icons/copy.svg";
import more from "lucide-static/icons/ellipsis.svg";
import userKey from "lucide-static/icons/key-round.svg";
import logOut from "lucide-static/icons/log-out.svg";
import panel from "lucide-static/icons/panel-left.svg";
import pencil from "lucide-static/icons/pencil.svg";
import play from "lucide-static/icons/play.svg";
import refresh from "lucide-static/icons/refresh-cw.svg";
import retry from "lucide-static/icons/rotate-cw.svg";
import search from "lucide-static/icons/search.svg";
import shield from "lucide-static/icons/shield-check.svg";
import sliders from "lucide-static/icons/sliders-horizontal.svg";
import stop from "lucide-static/icons/square.svg";
import plus from "lucide-static/icons/square-pen.svg";
import terminal from "lucide-static/icons/terminal.svg";
import trash from "lucide-static/icons/trash-2.svg";
import unplug from "lucide-static/icons/unplug.svg";
import x from "lucide-static/icons/x.svg";

const SOURCES = {
  alert,
  archive,
  arrowDown,
  arrowUp,
  check,
  chevronDown,
  chevronLeft,
  chevronRight,
  clock,
  copy,
  logOut,
  more,
  offline,
  panel,
  pencil,
  play,
  plus,
  refresh,
  retry,
  search,
  shield,
  sliders,
  stop,
  terminal,
  trash,
  unarchive,
  unplug,
  userKey,
  x,
};

/** @typedef {keyof typeof SOURCES} IconName */

const COMMON =
  'xmlns="http://www.w3.org/2000/svg" class="icon" aria-hidden="true" viewBox="0 0 24 24" ' +
  'fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"';

/** @type {Map<string, Node>} */
const parsed = new Map();

/**
 * @param {IconName} name
 * @returns {SVGElement}
 */
export function icon(name) {
  let source = parsed.get(name);
  if (!source) {
    const text = `<svg ${COMMON}>${SOURCES[name]}</svg>`;
    source = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    parsed.set(name, source);
  }
  return /** @type {SVGElement} */ (document.importNode(source, true));
}

/** Puts the icons into what the server rendered: `<span data-icon="plus">`. */
export function fillIcons(within = document) {
  for (const place of within.querySelectorAll("[data-icon]")) {
    const name = /** @type {IconName} */ (place.getAttribute("data-icon"));
    if (name in SOURCES) place.replaceWith(icon(name));
  }
}
