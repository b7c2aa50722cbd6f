/**
 * The palette over everything: conversations, models, actions and pages, found by typing. Keys move
 * an active option while the focus stays in the field, as in any combobox.
 */

import { el } from "../lib/dom.js";
import { t, tn } from "../lib/translate.js";
import { marked } from "../lib/visible-text.js";
import { matches } from "../state/palette.js";
import { ask } from "./dialog.js";
import { shownTitle } from "./format.js";
import { ariaKey, isKey, KEYS, keyCaps } from "./keys.js";
import { icon } from "./menu-icons.js";

/**
 * @typedef {object} Choice
 * @property {string} label
 * @property {string} [words] found by these, too
 * @property {import("./menu-icons.js").IconName} [icon]
 * @property {import("./keys.js").KeyName} [key] that does the same
 * @property {boolean} [isChecked]
 * @property {boolean} [isForeign] true if the label was written by somebody
 * @property {string} [href]
 * @property {() => void} [act]
 *
 * @typedef {object} Parts
 * @property {Choice[]} actions
 * @property {Choice[]} models
 * @property {{id: string, title: string}[]} conversations the last used first
 * @property {(q: string) => Promise<import("../protocol.js").SearchAnswer>} search
 * @property {(place: string) => void} go
 * @property {(place: string, q: string, message: string|null) => void} match shows a found message
 */

/** Milliseconds without a key after which the server is asked. */
const REST = 250;
/** Entries of a group while nothing is typed, and while something is. */
const FEW = 6;
const MANY = 20;

let isOpen = false;

/** @param {Parts} parts */
export async function openPalette(parts) {
  if (isOpen) return;
  isOpen = true;
  await new Palette(parts).ask();
  isOpen = false;
}

class Palette {
  #parts;
  #conversations;
  #field = el("input", {
    class: "palette-field",
    type: "text",
    role: "combobox",
    "aria-expanded": "true",
    "aria-controls": "palette-list",
    "aria-autocomplete": "list",
    "aria-label": t("Find conversations and actions"),
    placeholder: t("Find conversations and actions"),
    autocomplete: "off",
    spellcheck: "false",
    enterkeyhint: "go",
    maxlength: 200,
    dir: "auto",
    autofocus: true,
  });
  #list = el("div", { class: "palette-list", role: "listbox", id: "palette-list" });
  #status = el("p", { class: "palette-status", role: "status" });
  #dialog;
  /** @type {{choice: Choice, option: HTMLElement}[]} */
  #options = [];
  #at = 0;
  /** Conversations whose messages match, by what was asked. @type {Choice[]} */
  #found = [];
  #isSearching = false;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    this.#conversations = parts.conversations.map(({ id, title }) => ({
      label: shownTitle(title),
      isForeign: true,
      act: () => parts.go(id),
      id,
    }));
    this.#list.setAttribute("aria-label", t("Matches"));
    this.#dialog = el(
      "dialog",
      { class: "dialog palette", "aria-label": t("Find conversations and actions") },
      this.#field,
      this.#list,
      this.#status,
    );
    this.#field.addEventListener("input", () => this.#typed());
    this.#dialog.addEventListener("keydown", (event) => this.#key(event));
    this.#draw();
  }

  /** Shows it until it is left. */
  async ask() {
    await ask(this.#dialog);
    clearTimeout(this.#timer);
  }

  get #typedText() {
    return this.#field.value.trim();
  }

  #typed() {
    this.#found = [];
    this.#at = 0;
    clearTimeout(this.#timer);
    this.#isSearching = this.#typedText.length > 1;
    if (this.#isSearching) this.#timer = setTimeout(() => this.#search(this.#typedText), REST);
    this.#draw();
  }

  /** @param {string} q */
  async #search(q) {
    /** @type {import("../protocol.js").SearchResult[]} */
    let found = [];
    try {
      found = (await this.#parts.search(q)).results;
    } catch {
      // Titles and actions are found without the server.
    }
    if (q !== this.#typedText) return;
    this.#isSearching = false;
    this.#found = found.map(({ conversation, title, excerpts }) => ({
      label: shownTitle(title),
      isForeign: true,
      id: conversation,
      act: () => this.#parts.match(conversation, q, excerpts[0]?.message ?? null),
    }));
    this.#draw();
  }

  #draw() {
    const typed = this.#typedText;
    const most = typed ? MANY : FEW;
    const titled = matches(this.#conversations, typed, most);
    const ids = new Set(titled.map(({ id }) => id));
    const { actions, models } = this.#parts;
    const chosen = this.#options[this.#at]?.choice;
    this.#options = [];
    this.#list.replaceChildren(
      ...[
        { title: t("Conversations"), choices: titled },
        {
          title: t("Found in messages"),
          choices: this.#found.filter((one) => !ids.has(/** @type {any} */ (one).id)),
        },
        { title: t("Actions"), choices: matches(actions, typed, MANY) },
        { title: t("Models"), choices: typed ? matches(models, typed, MANY) : [] },
      ]
        .filter(({ choices }) => choices.length)
        .map(({ title, choices }) => this.#group(title, choices)),
    );
    const before = this.#options.findIndex(({ choice }) => choice === chosen);
    const count = this.#options.length;
    const nothing = this.#isSearching ? t("Searching…") : t("No matches.");
    this.#status.textContent = count ? tn("{n} match", "{n} matches", count) : nothing;
    this.#status.classList.toggle("visually-hidden", count > 0);
    this.#activate(before > 0 ? before : 0);
  }

  /**
   * @param {string} title
   * @param {Choice[]} choices
   */
  #group(title, choices) {
    const group = el("div", { class: "palette-group", role: "group", "aria-label": title });
    group.append(el("div", { class: "menu-title", "aria-hidden": "true" }, title));
    for (const choice of choices) group.append(this.#option(choice));
    return group;
  }

  /** @param {Choice} choice */
  #option(choice) {
    const { label, key, isChecked, isForeign } = choice;
    const at = this.#options.length;
    const option = el(
      "div",
      {
        class: "menu-item",
        role: "option",
        id: `palette-${at}`,
        "aria-selected": "false",
        "aria-checked": isChecked === undefined ? null : String(isChecked),
        "aria-keyshortcuts": key && ariaKey(key),
      },
      choice.icon && icon(choice.icon),
      el(
        "span",
        { class: "menu-text", dir: isForeign ? "auto" : null },
        ...(isForeign ? marked(label) : [label]),
      ),
      key && el("span", { class: "keys" }, ...keyCaps(KEYS[key]).map((cap) => el("kbd", {}, cap))),
      isChecked && icon("check"),
    );
    option.addEventListener("click", () => this.#choose(at));
    option.addEventListener("pointermove", () => this.#activate(at, false));
    this.#options.push({ choice, option });
    return option;
  }

  /**
   * @param {number} at
   * @param {boolean} [isMoved] by keys: it is brought into view
   */
  #activate(at, isMoved = true) {
    this.#options[this.#at]?.option.setAttribute("aria-selected", "false");
    this.#at = at;
    const option = this.#options[at]?.option;
    option?.setAttribute("aria-selected", "true");
    if (option) this.#field.setAttribute("aria-activedescendant", option.id);
    else this.#field.removeAttribute("aria-activedescendant");
    if (isMoved) option?.scrollIntoView({ block: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing) return;
    const count = this.#options.length;
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (isKey("palette", event)) this.#dialog.close();
    else if (step && count) {
      const isPage = Math.abs(step) > 1;
      const next = this.#at + step;
      this.#activate(isPage ? Math.min(Math.max(next, 0), count - 1) : (next + count) % count);
    } else if (event.key === "Enter") this.#choose(this.#at);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {number} at */
  #choose(at) {
    const choice = this.#options[at]?.choice;
    if (!choice) return;
    this.#dialog.close();
    if (choice.href) location.assign(choice.href);
    else choice.act?.();
  }
}
