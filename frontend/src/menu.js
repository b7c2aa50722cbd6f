/** Menus at a button: arrow keys, Home, End, Escape, and a click anywhere else closes them. */
import { el } from "./dom.js";
import { icon } from "./icons.js";

/**
 * @typedef {object} Item
 * @property {string} label
 * @property {string} [note] small text under the label
 * @property {import("./icons.js").IconName} [icon]
 * @property {boolean} [isChecked] given for one of several to choose from
 * @property {boolean} [isDanger]
 * @property {string} [href]
 * @property {() => void} [act]
 *
 * @typedef {{title?: string, items: Item[]}} Group
 */

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
  const menu = el("div", { class: "menu", role: "menu", "aria-label": label, popover: "manual" });
  for (const group of groups) menu.append(makeGroup(group));
  document.body.append(menu);
  menu.showPopover();
  place(menu, button);
  button.setAttribute("aria-expanded", "true");
  open = { menu, button };
  menu.addEventListener("keydown", (event) => move(menu, event));
  const checked = menu.querySelector('[aria-checked="true"]');
  const first = checked ?? menu.querySelector("[role^=menuitem]");
  if (first instanceof HTMLElement) first.focus();
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
function makeItem({ label, note, icon: name, isChecked, isDanger, href, act }) {
  const isChoice = isChecked !== undefined;
  const attributes = {
    class: isDanger ? "menu-item danger" : "menu-item",
    role: isChoice ? "menuitemradio" : "menuitem",
    "aria-checked": isChoice ? String(isChecked) : null,
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
  menu.style.top = `${top}px`;
}

/**
 * @param {HTMLElement} menu
 * @param {KeyboardEvent} event
 */
function move(menu, event) {
  const items = [...menu.querySelectorAll("[role^=menuitem]")];
  const at = items.indexOf(/** @type {Element} */ (document.activeElement));
  /** @type {Record<string, number>} */
  const targets = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 };
  if (event.key === "Escape" || event.key === "Tab") {
    event.preventDefault();
    event.stopPropagation();
    closeMenu(true);
  } else if (event.key in targets) {
    event.preventDefault();
    const next = items.at((targets[event.key] ?? 0) % items.length);
    if (next instanceof HTMLElement) next.focus();
  }
}
