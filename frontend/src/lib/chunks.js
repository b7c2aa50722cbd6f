/**
 * Long texts in pieces, each laid out by itself and only near the screen. A browser would take
 * seconds for a megabyte in one piece.
 */

import { hasUnseen } from "./bidi.js";
import { el } from "./dom.js";
import { whenIdle } from "./idle.js";
import { appendText } from "./visible-text.js";

/** UTF-16 units of a piece, and its lines. */
export const CHUNK = 4096;
const LINES = 500;

/** A text that grows within an element. */
export class GrowingText {
  #host;
  #most;
  /** @type {Element} */
  #place;
  #size = 0;

  /**
   * @param {Element} host emptied, unless the text is there
   * @param {string} text
   * @param {number} [first] length up to which a text is not cut
   */
  constructor(host, text, first = CHUNK) {
    this.#host = host;
    this.#place = host;
    this.#most = first;
    if (text && host.textContent === text) this.#goOn();
    else {
      host.replaceChildren();
      this.append(text);
    }
  }

  /** A selection in what is there already stays. */
  #goOn() {
    const last = this.#host.lastElementChild;
    if (last?.className === "chunk") {
      this.#place = last;
      this.#most = CHUNK;
    }
    this.#size = this.#place.textContent?.length ?? 0;
  }

  /** @param {string} text */
  append(text) {
    let from = 0;
    while (from < text.length) {
      if (this.#size >= this.#most) this.#next();
      const most = cutAt(text, from, from + this.#most - this.#size);
      const to = this.#most > CHUNK ? most : afterLines(text, from, most);
      this.#put(text.slice(from, to));
      this.#size = to < text.length ? this.#most : this.#size + to - from;
      from = to;
    }
  }

  #next() {
    this.#place = el("span", { class: "chunk" });
    this.#host.append(this.#place);
    this.#size = 0;
    this.#most = CHUNK;
  }

  /** @param {string} text */
  #put(text) {
    const last = this.#place.lastChild;
    if (last instanceof Text && !hasUnseen(text)) last.appendData(text);
    else appendText(this.#place, text);
  }
}

/**
 * End of the most lines of a piece, at `most` at the latest.
 * @param {string} text
 * @param {number} from
 * @param {number} most
 */
function afterLines(text, from, most) {
  let at = from;
  for (let i = 0; i < LINES; i++) {
    at = text.indexOf("\n", at) + 1;
    if (!at || at >= most) return most;
  }
  return at;
}

/**
 * Index before `most` to cut a text: after a line, else after a word, else after a character.
 * @param {string} text
 * @param {number} from
 * @param {number} most
 */
export function cutAt(text, from, most) {
  if (most >= text.length) return text.length;
  const window = text.slice(from, most);
  for (const mark of ["\n", " "]) {
    const at = window.lastIndexOf(mark);
    if (at >= window.length / 2) return from + at + 1;
  }
  const code = text.charCodeAt(most);
  return code >= 0xdc00 && code <= 0xdfff && most - 1 > from ? most - 1 : most;
}

/**
 * Fills an element with a text as it is.
 * @param {Element} host
 * @param {string} text
 */
export function fill(host, text) {
  new GrowingText(host, text);
}

/** Length of an unread text that is there at once. */
const AT_ONCE = 8 * CHUNK;

/**
 * Fills an element with a text that nobody reads yet, bit by bit where it is long.
 * @param {HTMLElement} host
 * @param {string} text
 * @param {() => boolean} isDue true if it is still to be there
 */
export function fillInTime(host, text, isDue) {
  const growing = new GrowingText(host, "");
  let at = 0;
  const more = () => {
    if (!isDue()) return;
    const to = cutAt(text, at, at + AT_ONCE);
    growing.append(text.slice(at, to));
    at = to;
    if (at < text.length) whenIdle(more);
  };
  more();
}
