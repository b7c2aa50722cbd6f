/** Menus at a button: arrow keys, Home, End, Escape, and a click anywhere else closes them. */

import { el } from "../lib/dom.js";
import { t } from "../lib/translate.js";
import { matching } from "../store/models.js";
import { icon } from "./menu-icons.js";

/**
 * @typedef {object} Item
 * @property {string} label
 * @property {string} [note] small text under the label
 * @property {import("./menu-icons.js").IconName} [icon]
 * @property {boolean} [isChecked] given for one of several to choose from
 * @property {boolean} [isDanger]
 * @property {string} [href]
 * @property {string} [words] what a filter looks in, besides what is seen
 * @property {() => void} [act]
 *
 * @typedef {{title?: string, items: Item[]}} Group
 */

/** A list longer than this gets a field to filter it. */
const LONG = 12;

/** @type {{menu: HTMLElement, button: HTMLElement}|null} */
let open = null;

/**
 * Opens a menu, or closes it where it is open.
 * @param {HTMLElement} button
 * @param {string} label
 * @param {Group[]} groups
 */
export function toggleMenu(button, label, groups) {
  const wasOpen = open?.button === button;
  closeMenu();
  if (wasOpen) return;
  const list = el("div", { class: "menu-list", role: "menu", "aria-label": label });
  const menu = el("div", { class: "menu", popover: "manual" }, list);
  for (const group of groups) list.append(makeGroup(group));
  const isLong = groups.reduce((sum, { items }) => sum + items.length, 0) > LONG;
  const filter = isLong ? makeFilter(list, label) : null;
  if (filter) menu.prepend(filter);
  // Beside an open dialog nothing can be reached, and all content belongs to a landmark.
  (button.closest("dialog, aside, main") ?? document.body).append(menu);
  menu.showPopover();
  place(menu, button);
  button.setAttribute("aria-expanded", "true");
  open = { menu, button };
  menu.addEventListener("keydown", (event) => move(menu, event));
  const checked = list.querySelector('[aria-checked="true"]');
  const first = checked ?? list.querySelector("[role^=menuitem]");
  if (!(first instanceof HTMLElement)) return;
  first.tabIndex = 0;
  first.scrollIntoView({ block: "nearest" });
  // A keyboard on the screen would cover the list unasked.
  if (filter && !matchMedia("(pointer: coarse)").matches) filter.focus({ preventScroll: true });
  else first.focus();
}

/**
 * @param {HTMLElement} list
 * @param {string} label
 */
function makeFilter(list, label) {
  const filter = el("input", {
    class: "menu-filter",
    type: "search",
    placeholder: t("Filter"),
    "aria-label": t("Filter: {label}", { label }),
    autocomplete: "off",
    spellcheck: "false",
  });
  const nothing = el(
    "p",
    { class: "menu-nothing", role: "status", hidden: true },
    t("No matches."),
  );
  list.after(nothing);
  filter.addEventListener("input", () => {
    const fits = matching(filter.value);
    let found = 0;
    for (const group of list.children) {
      let isShown = false;
      for (const item of group.querySelectorAll("[role^=menuitem]")) {
        const isFitting = fits(item.getAttribute("data-words") ?? "");
        /** @type {HTMLElement} */ (item).hidden = !isFitting;
        isShown ||= isFitting;
        found += Number(isFitting);
      }
      /** @type {HTMLElement} */ (group).hidden = !isShown;
    }
    nothing.hidden = found > 0;
  });
  return filter;
}

/** @param {boolean} [isFocusBack] */
function closeMenu(isFocusBack = false) {
  if (!open) return;
  const { menu, button } = open;
  open = null;
  menu.remove();
  button.setAttribute("aria-expanded", "false");
  if (isFocusBack) button.focus();
}

document.addEventListener("pointerdown", (event) => {
  if (!open || !(event.target instanceof Node)) return;
  if (!open.menu.contains(event.target) && !open.button.contains(event.target)) closeMenu();
});
window.addEventListener("resize", () => closeMenu());

/** @param {Group} group */
function makeGroup({ title, items }) {
  const group = el("div", { class: "menu-group", role: "group", "aria-label": title });
  if (title) group.append(el("div", { class: "menu-title", "aria-hidden": "true" }, title));
  for (const item of items) group.append(makeItem(item));
  return group;
}

/** @param {Item} item */
function makeItem({ label, note, words, icon: name, isChecked, isDanger, href, act }) {
  const isChoice = isChecked !== undefined;
  const attributes = {
    class: isDanger ? "menu-item danger" : "menu-item",
    role: isChoice ? "menuitemradio" : "menuitem",
    "aria-checked": isChoice ? String(isChecked) : null,
    "data-words": `${label} ${note ?? ""} ${words ?? ""}`,
    tabindex: -1,
  };
  const text = el("span", { class: "menu-text" }, label, note && el("small", {}, note));
  const item = href
    ? el("a", { ...attributes, href }, text)
    : el("button", { ...attributes, type: "button" }, text);
  if (name) item.prepend(icon(name));
  if (isChoice) item.append(el("span", { class: "menu-check" }, isChecked ? icon("check") : null));
  item.addEventListener("click", () => {
    closeMenu(true);
    act?.();
  });
  return item;
}

/**
 * @param {HTMLElement} menu
 * @param {HTMLElement} button
 */
function place(menu, button) {
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const fitsRight = at.left + width <= innerWidth - 8;
  const left = fitsRight ? at.left : Math.max(8, at.right - width);
  const below = at.bottom + 6;
  const top = below + height <= innerHeight - 8 ? below : Math.max(8, at.top - height - 6);
  menu.style.left = `${left}px`;
  // The filtered list may be narrower.
  menu.style.minWidth = `${width}px`;
  menu.style.top = `${top}px`;
}

/**
 * @param {HTMLElement} menu
 * @param {KeyboardEvent} event
 */
function move(menu, event) {
  const filter = menu.querySelector("input");
  const isFilter = filter !== null && filter === document.activeElement;
  const items = /** @type {HTMLElement[]} */ ([
    ...menu.querySelectorAll("[role^=menuitem]:not([hidden])"),
  ]);
  const at = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  /** @type {Record<string, number>} */
  const targets = { ArrowDown: at + 1, ArrowUp: isFilter ? -1 : at - 1 };
  if (!isFilter) Object.assign(targets, { Home: 0, End: -1 });
  if (event.key === "Escape" || event.key === "Tab") {
    event.preventDefault();
    event.stopPropagation();
    closeMenu(true);
  } else if (event.key in targets) {
    event.preventDefault();
    items.at((targets[event.key] ?? 0) % items.length)?.focus();
  } else if (isFilter && event.key === "Enter") {
    event.preventDefault();
    if (filter.value.trim()) items[0]?.click();
  } else if (!isFilter && event.key.length === 1 && event.key !== " " && !event.ctrlKey) {
    // Typing on the list is meant for the filter.
    filter?.focus();
  }
}
