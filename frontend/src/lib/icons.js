/**
 * The icons of the page, out of lucide. They are decoration: every button has a label besides.
 * Icons of its menus are loaded with these (`menu-icons.js`).
 */

import archive from "lucide-static/icons/archive.svg";
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
import download from "lucide-static/icons/download.svg";
import more from "lucide-static/icons/ellipsis.svg";
import folder from "lucide-static/icons/folder.svg";
import enlarge from "lucide-static/icons/maximize-2.svg";
import temporary from "lucide-static/icons/message-circle-dashed.svg";
import reduce from "lucide-static/icons/minimize-2.svg";
import panel from "lucide-static/icons/panel-left.svg";
import pencil from "lucide-static/icons/pencil.svg";
import play from "lucide-static/icons/play.svg";
import add from "lucide-static/icons/plus.svg";
import refresh from "lucide-static/icons/refresh-cw.svg";
import retry from "lucide-static/icons/rotate-cw.svg";
import search from "lucide-static/icons/search.svg";
import sliders from "lucide-static/icons/sliders-horizontal.svg";
import branch from "lucide-static/icons/split.svg";
import stop from "lucide-static/icons/square.svg";
import plus from "lucide-static/icons/square-pen.svg";
import down from "lucide-static/icons/thumbs-down.svg";
import up from "lucide-static/icons/thumbs-up.svg";
import unplug from "lucide-static/icons/unplug.svg";
import wrap from "lucide-static/icons/wrap-text.svg";
import x from "lucide-static/icons/x.svg";
import { drawn } from "./drawing.js";

const SOURCES = {
  temporary,
  add,
  folder,
  alert,
  archive,
  branch,
  arrowDown,
  arrowUp,
  check,
  chevronDown,
  chevronLeft,
  chevronRight,
  clock,
  copy,
  down,
  download,
  enlarge,
  more,
  offline,
  panel,
  pencil,
  play,
  plus,
  reduce,
  refresh,
  retry,
  search,
  sliders,
  stop,
  unplug,
  up,
  wrap,
  x,
};

/** @typedef {keyof typeof SOURCES} IconName */

/** @param {IconName} name */
export const icon = (name) => drawn(SOURCES[name]);

/** Puts the icons into what the server rendered: `<span data-icon="plus">`. */
export function fillIcons(within = document) {
  for (const place of within.querySelectorAll("[data-icon]")) {
    const name = /** @type {IconName} */ (place.getAttribute("data-icon"));
    if (name in SOURCES) place.replaceWith(icon(name));
  }
}
