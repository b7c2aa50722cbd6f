/** The bar "2 of 5 matches" over a conversation that was found, and the marks in its messages. */

import { el, find, setText } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { t } from "../lib/translate.js";
import { reach } from "../store/reach.js";
import { toast } from "./notices.js";

const NAME = "found";
/** Found words that are marked at most. */
const MOST = 2000;

/** Pixels between the top of the thread and what was found. */
const ABOVE = 96;

/**
 * @typedef {object} Parts
 * @property {import("../store/store.js").Store} store
 * @property {import("./thread.js").ThreadView} thread
 * @property {import("./scroll.js").ScrollManager} scroll
 * @property {(first: string) => void} draw earlier messages, above this one
 */

export class MatchBar {
  #parts;
  #count = el("span", { role: "status" });
  #before;
  #after;
  #bar;
  /** @type {import("../protocol.js").ExcerptObject[]} */
  #matches = [];
  #at = 0;
  #place = "";
  #isDue = false;
  #observer = new MutationObserver(() => this.#mark());

  #thread = find("#thread");
  #scroller = find("#scroller");

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    this.#before = step(t("Previous match"), "chevronLeft", () => this.#go(this.#at - 1));
    this.#after = step(t("Next match"), "chevronRight", () => this.#go(this.#at + 1));
    const close = step(t("Close the search"), "x", () => this.close());
    this.#bar = el("div", { class: "match-bar", role: "group", "aria-label": t("Matches") });
    this.#bar.append(this.#count, this.#before, this.#after, close);
    this.#bar.hidden = true;
    this.#scroller.before(this.#bar);
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.#bar.hidden || event.defaultPrevented) return;
      if (document.querySelector("dialog[open], [role=menu]")) return;
      event.preventDefault();
      this.close();
    });
  }

  /**
   * Shows the matches of a conversation, beginning at this message.
   * @param {string} place
   * @param {string} q
   * @param {string|null} message
   */
  async open(place, q, message) {
    this.#place = place;
    try {
      const matches = await this.#parts.store.library.matches(q, place);
      if (this.#place !== place) return;
      this.#matches = matches;
    } catch {
      toast(t("The matches could not be loaded."), { tone: "danger" });
    }
    const matches = this.#matches;
    if (!matches.length) return this.close();
    this.#bar.hidden = false;
    this.#observer.observe(this.#thread, {
      childList: true,
      subtree: true,
      characterData: true,
    });
    const at = matches.findIndex((one) => one.message === message);
    await this.#go(at < 0 ? matches.length - 1 : at);
  }

  /** @param {string} place that is shown now */
  leave(place) {
    if (place !== this.#place) this.close();
  }

  close() {
    this.#place = "";
    this.#matches = [];
    this.#bar.hidden = true;
    this.#observer.disconnect();
    globalThis.CSS?.highlights?.delete(NAME);
    for (const one of this.#thread.querySelectorAll(".is-match")) {
      one.classList.remove("is-match");
    }
  }

  /** @param {number} at */
  async #go(at) {
    const count = this.#matches.length;
    this.#at = (at + count) % count;
    const values = { at: this.#at + 1, count };
    setText(this.#count, t("{at} of {count} matches", values));
    this.#before.disabled = this.#after.disabled = count < 2;
    const match = this.#matches[this.#at];
    if (!match) return;
    const { store, thread, draw } = this.#parts;
    if (!(await reach(store, match.message, draw))) return;
    const element = thread.element(match.message);
    if (!element || this.#matches[this.#at] !== match) return;
    for (const one of this.#thread.querySelectorAll(".is-match")) {
      one.classList.remove("is-match");
    }
    element.classList.add("is-match");
    this.#scroll(element);
    await twoFrames(); // a reply near the screen is drawn meanwhile
    const [first] = ranges(element, wordsOf(this.#matches), 1);
    this.#scroll(first ?? element);
    this.#mark();
  }

  /** @param {Element|Range} found */
  #scroll(found) {
    const top = found.getBoundingClientRect().top - this.#scroller.getBoundingClientRect().top;
    this.#parts.scroll.stay(top - ABOVE);
  }

  /** Marks the found words once a frame, without touching the nodes that a reply grows in. */
  #mark() {
    if (this.#isDue || !globalThis.CSS?.highlights) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      if (!this.#matches.length) return;
      const found = ranges(this.#thread, wordsOf(this.#matches), MOST);
      globalThis.CSS.highlights.set(NAME, new Highlight(...found));
    });
  }
}

/**
 * @param {string} label
 * @param {import("../lib/icons.js").IconName} name
 * @param {() => void} act
 */
function step(label, name, act) {
  const button = el("button", { class: "icon-button", type: "button", "aria-label": label });
  button.append(icon(name));
  button.title = label;
  button.addEventListener("click", act);
  return button;
}

/**
 * The words as the matching texts write them, longest first.
 * @param {import("../protocol.js").ExcerptObject[]} matches
 */
function wordsOf(matches) {
  const found = new Set(
    matches.flatMap(({ pieces }) =>
      pieces.flatMap(({ text, marked }) => (marked ? [text.toLowerCase()] : [])),
    ),
  );
  return [...found].sort((a, b) => b.length - a.length);
}

/**
 * Places of these words in the texts of messages.
 * @param {HTMLElement} root
 * @param {string[]} words
 * @param {number} most
 */
function ranges(root, words, most) {
  /** @type {Range[]} */
  const found = [];
  if (!words.length) return found;
  const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"));
  const pattern = new RegExp(
    `(?<![\\p{L}\\p{N}])(?:${escaped.join("|")})|${unspaced(escaped)}`,
    "giu",
  );
  const nodes = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (nodes.nextNode() && found.length < most) {
    const node = /** @type {Text} */ (nodes.currentNode);
    if (!node.parentElement?.closest(".bubble, .markdown")) continue;
    for (const match of node.data.matchAll(pattern)) {
      if (!match[0]) continue;
      const range = new Range();
      range.setStart(node, match.index);
      range.setEnd(node, match.index + match[0].length);
      found.push(range);
    }
  }
  return found;
}

/**
 * Words of scripts without blanks are found within others; `(?!)` matches nothing.
 * @param {string[]} words
 */
function unspaced(words) {
  const scripts =
    /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|\p{Script=Thai}/u;
  return words.filter((word) => scripts.test(word)).join("|") || "(?!)";
}

/** @returns {Promise<void>} */
function twoFrames() {
  return new Promise((resolve) =>
    requestAnimationFrame(() => requestAnimationFrame(() => resolve())),
  );
}
