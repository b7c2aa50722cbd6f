/**
 * The keys of the page, each listed once: listeners, tooltips and the list of keys are made of
 * this table.
 */

import { msg, translate } from "../lib/translate.js";

/**
 * @typedef {object} Key
 * @property {string} key as `KeyboardEvent.key` names it
 * @property {string} label
 * @property {string} [where] the place in which it acts; everywhere without it
 * @property {boolean} [isMain] together with Ctrl, or ⌘ on a Mac
 * @property {boolean} [isShift]
 *
 * @typedef {keyof typeof KEYS} KeyName
 */

const IN_COMPOSER = msg("In the message box");
const IN_LISTS = msg("In lists and menus");
const IN_EDITOR = msg("While a message is edited");

/** @satisfies {Record<string, Key>} */
export const KEYS = {
  palette: { key: "k", isMain: true, label: msg("Find conversations and actions") },
  newChat: { key: "o", isMain: true, isShift: true, label: msg("New chat") },
  stop: { key: "Escape", label: msg("Stop the reply") },
  keys: { key: "?", label: msg("Show the keys") },
  send: { key: "Enter", where: IN_COMPOSER, label: msg("Send") },
  breakLine: { key: "Enter", isShift: true, where: IN_COMPOSER, label: msg("New line") },
  editLast: {
    key: "ArrowUp",
    where: IN_COMPOSER,
    label: msg("Edit your last message, if the box is empty"),
  },
  pageUp: { key: "PageUp", where: IN_COMPOSER, label: msg("Scroll the messages up") },
  pageDown: { key: "PageDown", where: IN_COMPOSER, label: msg("Scroll the messages down") },
  saveEdit: { key: "Enter", isMain: true, where: IN_EDITOR, label: msg("Save & send") },
  cancelEdit: { key: "Escape", where: IN_EDITOR, label: msg("Cancel") },
  next: { key: "ArrowDown", where: IN_LISTS, label: msg("Next entry") },
  previous: { key: "ArrowUp", where: IN_LISTS, label: msg("Previous entry") },
  options: { key: "ArrowRight", where: IN_LISTS, label: msg("Open a folder; options of an entry") },
  back: { key: "ArrowLeft", where: IN_LISTS, label: msg("Close a folder; back to the entry") },
};

const isMac = () => /^(Mac|iP)/.test(navigator.platform);

/** Names of keys that are not written on them like that. */
const WORDS = {
  Enter: msg("Enter"),
  Escape: msg("Esc"),
  PageUp: msg("Page up"),
  PageDown: msg("Page down"),
};
const word = (/** @type {string} */ name) => translate(name, {});
/** @type {Record<string, string>} */
const ARROWS = { ArrowUp: "↑", ArrowDown: "↓", ArrowRight: "→", ArrowLeft: "←" };

/**
 * @param {KeyName} name
 * @param {Pick<KeyboardEvent, "key"|"ctrlKey"|"metaKey"|"shiftKey"|"altKey"|"isComposing">} event
 * @returns {boolean} true if it is this key
 */
export function isKey(name, event) {
  /** @type {Key} */
  const { key, isMain = false, isShift = false } = KEYS[name];
  if (event.isComposing || event.altKey) return false;
  if ((event.ctrlKey || event.metaKey) !== isMain) return false;
  // Signs such as `?` need Shift on some keyboards and not on others.
  const isSign = key.length === 1 && key.toLowerCase() === key.toUpperCase();
  if (!isSign && event.shiftKey !== isShift) return false;
  return event.key.toLowerCase() === key.toLowerCase();
}

/**
 * The parts of a key as they are written on a keyboard.
 * @param {Key} key
 * @returns {string[]}
 */
export function keyCaps({ key, isMain, isShift }) {
  const cap = WORDS[/** @type {keyof typeof WORDS} */ (key)];
  return [
    ...(isMain ? [isMac() ? "⌘" : word(msg("Ctrl"))] : []),
    ...(isShift ? [isMac() ? "⇧" : word(msg("Shift"))] : []),
    cap ? word(cap) : (ARROWS[key] ?? key.toUpperCase()),
  ];
}

/**
 * Text for a tooltip.
 * @param {KeyName} name
 */
export const keyText = (name) => keyCaps(KEYS[name]).join(isMac() ? "" : "+");

/**
 * For `aria-keyshortcuts`.
 * @param {KeyName} name
 */
export function ariaKey(name) {
  /** @type {Key} */
  const { key, isMain, isShift } = KEYS[name];
  const rest = [...(isShift ? ["Shift"] : []), key.length === 1 ? key.toUpperCase() : key];
  if (!isMain) return rest.join("+");
  return ["Control", "Meta"].map((main) => [main, ...rest].join("+")).join(" ");
}
