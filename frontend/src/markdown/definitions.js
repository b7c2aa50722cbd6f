/** Definitions of a text: targets of labels, and footnotes. */
import { mayDefine, readDefinitions } from "./blocks.js";

/** @typedef {import("./pieces.js").Piece} Piece */

const MARK = /^\^(?:\d{1,3}|\p{L}[\p{L}\p{N}]+(?:[-_][\p{L}\p{N}]{2,})*)$/u;

/**
 * Footnotes come after their marks: until the end of a text a number or a word in brackets is taken
 * for one. Ranges of characters, as in `[^a-z]`, are not.
 * @type {import("./inline.js").Define}
 */
const note = (label) => (MARK.test(label) ? { href: "", title: "", isNote: true } : undefined);

/** @param {Piece} piece of a text that grows */
export const notesIn = ({ raw }) => (raw.includes("[^") ? note : null);

export class Definitions {
  /** @type {Map<string, import("./inline.js").Definition>} */
  #known = new Map();
  /** @type {Set<string>} */
  #used = new Set();
  /** The pieces that were searched. */
  #searched = 0;
  /** True if there is nothing more to be found. */
  areKnown;

  /** @param {string} text a whole one, or none */
  constructor(text) {
    this.areKnown = !mayDefine(text);
  }

  /**
   * Searches a piece more.
   * @param {import("./pieces.js").Cutter} cutter
   * @returns {boolean} false if another one has to be cut first
   */
  search(cutter) {
    if (this.#searched >= cutter.count) {
      this.areKnown = cutter.isDone;
      return cutter.isDone;
    }
    readDefinitions(/** @type {Piece} */ (cutter.pieces[this.#searched]), this.#known);
    this.#searched += 1;
    return true;
  }

  /**
   * Says what labels in a piece are defined as; null if it has none of them.
   * @param {Piece} piece
   */
  in({ raw }) {
    return raw.includes("[") && (this.#known.size || raw.includes("[^")) ? this.#define : null;
  }

  /** @param {string} label */
  #define = (label) => {
    const found = this.#known.get(label);
    if (found) this.#used.add(label);
    return found;
  };

  /**
   * A line that defines what nothing uses is a line of the text.
   * @param {Element} element
   */
  showUnused(element) {
    for (const line of /** @type {NodeListOf<HTMLElement>} */ (
      element.querySelectorAll("p.definition[hidden]")
    )) {
      // A folded part has definitions of its own.
      if (line.closest(".folded") !== element.closest(".folded")) continue;
      const { label = "", href } = line.dataset;
      const isUsed = this.#used.has(label) && this.#known.get(label)?.href === href;
      line.hidden = isUsed;
    }
  }
}
