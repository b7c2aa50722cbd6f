/**
 * Cuts a Markdown text into pieces that mean the same alone as together: one block, or a few.
 * Cutting reads each line once, so its time grows as the text does. Everything slower sees one
 * piece at a time, and none is longer than `LONGEST`.
 */
import { cutAt } from "../lib/chunks.js";
import { detailsAt } from "./details.js";
import { fenceAt, lineEnd } from "./fences.js";
import { blockFormulaAt, Finder } from "./formulas.js";

/** From this size on a piece ends at the next line that may begin one. */
const LONG = 4000;
const MANY_LINES = 60;
/** A piece in which there is no such line ends here. */
const LONGEST = 10_000;
/** A table goes on in a piece of its own after so much of it. Each shows the head of the table. */
const LONG_TABLE = 8000;
const MANY_CELLS = 400;
const LONGEST_HEAD = 1000;
/** The end of a folded part is not looked for any more after so many without one. */
const MOST_UNCLOSED = 20;

const FENCE = /^ {0,3}(?:`{3,}[^`]*$|~{3,})/;
const FORMULA = /^ {0,3}(?:\$\$|\\\[|\\begin\{)/;
const DETAILS = /^ {0,3}<details>/i;
const HEADING = /^#{1,6}(?:[ \t]|$)/;
const ITEM = /^(?:[*+-]|\d{1,9}[.)])(?:[ \t]|$)/;
const ANY_ITEM = /^ {0,3}(?:[*+-]|\d{1,9}[.)])(?:[ \t]|$)/;
const DELIMITERS = /^ {0,3}[|:-][ \t|:-]*$/;

/**
 * @typedef {object} Piece
 * @property {"text"|"fence"|"formula"|"details"|"plain"} kind
 * @property {string} raw
 * @property {string} [language] of a fence
 * @property {string} [text] code of a fence, TeX of a formula, Markdown within details
 * @property {string} [summary] of details
 * @property {boolean} [isOpen] a fence or details without its end
 * @property {boolean} [goesOn] the one before was cut here only for its length
 * @property {string} [head] of the table that goes on in it: the lines that make its rows a table
 */

/**
 * Cuts a text into pieces, in order. Their `raw` together is the text.
 * @param {string} text
 * @returns {Piece[]}
 */
export function piecesOf(text) {
  const cutter = new Cutter(text);
  while (!cutter.isDone) cutter.read();
  return cutter.pieces;
}

/** Cuts a text bit by bit. */
export class Cutter {
  /** Finished pieces. Only the last one may still get longer. @type {Piece[]} */
  pieces = [];
  #text;
  #mayOpen;
  /** Folded parts whose end was looked for in vain. */
  #unclosed = 0;
  #finder;
  /** Start of the next line. */
  #at = 0;
  /** Start of the piece under way. */
  #from = 0;
  #lines = 0;
  #isList = false;
  #isTable = false;
  #goesOn = false;
  /** The first lines of the table under way, where they are short. */
  #head = "";
  #columns = 0;
  #isAfterBlank = false;
  #before = "";
  #beforeAt = 0;

  /**
   * @param {string} text
   * @param {Pick<Piece, "goesOn"|"head">} [first] the piece of a longer text that begins here
   * @param {boolean} [isGrowing] details without an end may yet get one
   */
  constructor(text, { goesOn = false, head = "" } = {}, isGrowing = false) {
    this.#text = text;
    this.#mayOpen = isGrowing;
    this.#finder = new Finder(text);
    if (goesOn) this.#continue(head);
  }

  get isDone() {
    return this.#at >= this.#text.length;
  }

  /** Number of pieces that will not change. */
  get count() {
    return this.isDone ? this.pieces.length : this.pieces.length - 1;
  }

  /** Reads some lines. */
  read() {
    const { length } = this.pieces;
    for (let i = 0; i < MANY_LINES && !this.isDone && this.pieces.length < length + 2; i++) {
      this.#line();
    }
    if (this.isDone) this.#cut(this.#text.length);
  }

  #line() {
    const text = this.#text;
    const at = this.#at;
    const end = lineEnd(text, at);
    // The beginning of a line decides its kind.
    const line = text.slice(at, Math.min(end, at + 2000));
    const whole = this.#whole(at, line);
    if (whole) {
      this.#cut(at);
      this.pieces.push(whole);
      this.#at = at + whole.raw.length;
      this.#begin(this.#at);
      return;
    }
    const isBlank = line.trim() === "" && end - at < 2000;
    if (!isBlank) this.#meet(at, line);
    const next = Math.min(end + 1, text.length);
    this.#at = next;
    this.#lines += 1;
    this.#isAfterBlank = isBlank && next > this.#from;
    this.#before = line;
    this.#beforeAt = at;
    if (HEADING.test(line)) this.#cut(next);
    this.#shorten(next);
  }

  /**
   * A piece by itself, from its first line on.
   * @param {number} at
   * @param {string} line
   * @returns {Piece|null}
   */
  #whole(at, line) {
    // Indented, it may belong to an item.
    if (line[0] === " " && this.#isList) return null;
    if (FENCE.test(line)) {
      const fence = fenceAt(this.#text, at);
      if (fence) {
        const raw = this.#text.slice(at, fence.end);
        const { language, code, isClosed } = fence;
        return { kind: "fence", raw, language, text: code, isOpen: !isClosed };
      }
    }
    if (FORMULA.test(line)) {
      const formula = blockFormulaAt(this.#text, at, this.#finder);
      const raw = formula ? this.#text.slice(at, formula.end) : "";
      if (formula) return { kind: "formula", raw, text: formula.tex };
    }
    if (this.#unclosed < MOST_UNCLOSED && DETAILS.test(line)) {
      const details = detailsAt(this.#text, at);
      const raw = details ? this.#text.slice(at, details.end) : "";
      if (details && (details.isClosed || this.#mayOpen)) {
        const { summary, text, isClosed } = details;
        return { kind: "details", raw, summary, text, isOpen: !isClosed };
      }
      this.#unclosed += 1;
    }
    return null;
  }

  /**
   * A line of a piece under way, before which it may end.
   * @param {number} at
   * @param {string} line
   */
  #meet(at, line) {
    const isFlush = line[0] !== " " && line[0] !== "\t";
    if (isFlush && at > this.#from) {
      if (HEADING.test(line) || (this.#isAfterBlank && !(this.#isList && ITEM.test(line))))
        this.#cut(at);
      else if (this.#isLong(at) && !DELIMITERS.test(line)) {
        const head = this.#isTable && line.includes("|") ? this.#head : "";
        if (head || !this.#isTable) {
          this.#cut(at);
          this.#continue(head);
        }
      }
    }
    if (ANY_ITEM.test(line)) this.#isList = true;
    if (!this.#isTable && this.#before.includes("|") && isDelimiters(line)) {
      this.#isTable = true;
      const head = `${this.#text.slice(this.#beforeAt, lineEnd(this.#text, at))}\n`;
      // An indented line may belong to an item.
      const isPlain = !this.#isList && head[0] !== " " && head.length <= LONGEST_HEAD;
      this.#head = isPlain ? head : "";
      this.#columns = line.split("|").length;
    }
  }

  /** @param {number} at */
  #isLong(at) {
    if (!this.#isTable) return at - this.#from > LONG || this.#lines >= MANY_LINES;
    return at - this.#from > LONG_TABLE || this.#lines * this.#columns > MANY_CELLS;
  }

  /**
   * The piece that begins goes on with what was cut.
   * @param {string} head of a table
   */
  #continue(head) {
    this.#goesOn = true;
    if (!head) return;
    this.#isTable = true;
    this.#head = head;
    this.#columns = head.slice(head.indexOf("\n") + 1).split("|").length;
  }

  /**
   * Cuts what is too long for a piece.
   * @param {number} to
   */
  #shorten(to) {
    while (to - this.#from > LONGEST) {
      this.#cut(cutAt(this.#text, this.#from, this.#from + LONGEST / 2), "plain");
    }
  }

  /**
   * @param {number} to
   * @param {"text"|"plain"} [kind]
   */
  #cut(to, kind = "text") {
    const raw = this.#text.slice(this.#from, to);
    const isBlank = raw.trim() === "";
    const last = this.pieces.at(-1);
    if (raw && isBlank && last?.kind === "text") last.raw += raw;
    else if (raw) {
      const head = this.#goesOn && this.#isTable ? this.#head : "";
      const goesOn = this.#goesOn;
      this.pieces.push({ kind, raw, ...(goesOn && { goesOn }), ...(head && { head }) });
    }
    this.#begin(to);
  }

  /** @param {number} from */
  #begin(from) {
    this.#from = from;
    this.#lines = 0;
    this.#isList = false;
    this.#isTable = false;
    this.#goesOn = false;
    this.#head = "";
    this.#isAfterBlank = false;
    this.#before = "";
  }
}

/** @param {string} line below the head of a table */
const isDelimiters = (line) => DELIMITERS.test(line) && line.includes("-");
