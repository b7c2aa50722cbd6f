/**
 * A Markdown text on the page, growing or whole. Drawn pieces stay. New text is drawn in slices, one
 * in each frame of the page, so that no text, however long or strange, blocks the page.
 */

import { CHUNK } from "../lib/chunks.js";
import { textOfBlock } from "./code-block.js";
import { colour } from "./colours.js";
import { Definitions, notesIn } from "./definitions.js";
import { joined } from "./joined-tables.js";
import { wordsAtEnd } from "./last-words.js";
import { asWritten, draw, drawSummary } from "./markdown.js";
import { patch } from "./patch.js";
import { Cutter } from "./pieces.js";
import { turnStart } from "./time-slice.js";

/** The most time in ms: of a slice, and of the last words of a text. */
const BUDGET = 8;
const END_BUDGET = 30;
/** The most nodes that a slice makes. */
const SLICE = 250;

/**
 * Nodes of a text, and pieces: each is looked for in every frame. What comes after is shown as it was
 * written.
 */
const MOST_NODES = 12_000;
const MOST_PIECES = 1000;

/** A text of so many pieces is laid out only where it is seen. */
const MANY = 200;

/** Milliseconds between two drawings. */
const REST = 40;

/** Folded parts within each other; deeper ones are shown as they were written. */
const DEEPEST = 3;

/** Number of pieces at the end of a growing text that may still change. */
const OPEN = 2;

/**
 * @typedef {import("./pieces.js").Piece} Piece
 *
 * @typedef {object} Block a piece on the page
 * @property {string} raw
 * @property {ChildNode[]} nodes
 * @property {number} weight of all up to here
 * @property {number} next see `Drawn`
 * @property {import("./kept.js").Part[]} [parts]
 */

export class StreamingMarkdown {
  #element;
  #level;
  #depth;
  #text = "";
  #isDone = false;
  /** The text that is drawn, or being drawn. */
  #drawn = "";
  #isFinished = false;
  /** @type {Block[]} */
  #blocks = [];
  /** Cuts the text from `#openAt` on. */
  #cutter = new Cutter("");
  /** The pieces of it. */
  #pieces = this.#cutter.pieces;
  /** Number of blocks before `#openAt`: they are not read again before the end. */
  #closed = 0;
  #openAt = 0;
  /** The first piece there. @type {Piece|undefined} */
  #first;
  /** The pieces that are drawn already. */
  #at = 0;
  #definitions = new Definitions("");
  /** Texts within folded parts, by their elements. @type {WeakMap<Element, StreamingMarkdown>} */
  #within = new WeakMap();
  /** A code block that is not closed yet: it only grows. @type {import("./code-text.js").CodeText|null} */
  #fence = null;
  /** The last text of the last block, where words can be added to it. @type {Text|null} */
  #words = null;
  #cost = 0;
  #drawnAt = 0;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  #frame = 0;

  /**
   * @param {HTMLElement} element to be filled; nothing else may be in it
   * @param {object} [options]
   * @param {number} [options.level] of the first heading: the page has those before it
   * @param {number} [options.depth] number of folded parts around it
   */
  constructor(element, { level = 2, depth = 0 } = {}) {
    this.#element = element;
    this.#level = level;
    this.#depth = depth;
  }

  /** True if the page shows all of the text. */
  get isDrawn() {
    const isAll = this.#cutter.isDone && this.#at === this.#pieces.length;
    return this.#drawn === this.#text && isAll && !this.#frame;
  }

  /**
   * @param {string} text the whole text
   * @param {boolean} isDone true if it has its end
   */
  set(text, isDone) {
    if (text.includes("\r")) text = text.replace(/\r\n?/g, "\n");
    if (text === this.#text && isDone === this.#isDone) return;
    this.#text = text;
    this.#isDone = isDone;
    if (isDone) return this.#finish();
    if (this.#timer !== undefined || this.#frame) return;
    // Long work takes an eighth of the time at most.
    const rest = this.#cost > BUDGET ? this.#cost * 8 : REST;
    this.#later(Math.max(0, this.#drawnAt + rest - performance.now()));
  }

  /**
   * Draws the last words at once, together with the facts about the end. Reading the whole text
   * again, for its definitions, may take several frames after that.
   */
  #finish() {
    if (this.#drawn && !this.#isFinished && this.#text !== this.#drawn) {
      this.#isDone = false;
      const end = performance.now() + END_BUDGET;
      let isDrawn = this.#begin(this.#text);
      while (!isDrawn && performance.now() < end) {
        isDrawn = this.#slice(performance.now());
        if (isDrawn) this.#settle();
      }
      this.#isDone = true;
    }
    this.#draw();
  }

  /** @param {number} ms */
  #later(ms) {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#frame = requestAnimationFrame(() => this.#draw());
    }, ms);
  }

  #draw() {
    clearTimeout(this.#timer);
    cancelAnimationFrame(this.#frame);
    this.#timer = undefined;
    this.#frame = 0;
    const start = performance.now();
    const since = turnStart();
    const isNew = this.#text !== this.#drawn || this.#isDone !== this.#isFinished;
    const isLate = start - since > 2 * BUDGET;
    if (!isLate && isNew && this.#begin(this.#text)) this.#rest(start);
    else if (!isLate && this.#slice(start)) {
      this.#settle();
      this.#rest(start);
      // The next slice: between the two the page shows this one, and hears its reader.
    } else this.#frame = requestAnimationFrame(() => this.#draw());
  }

  /** @param {number} start of what was done */
  #rest(start) {
    this.#drawnAt = performance.now();
    this.#cost = this.#drawnAt - start;
  }

  /**
   * Finds what is to be drawn of a text that has changed.
   * @param {string} text
   * @returns {boolean} true if it is drawn already
   */
  #begin(text) {
    // A text that goes on after its end has no open block to go on in.
    const isOther = !text.startsWith(this.#drawn) || (this.#isFinished && !this.#isDone);
    if (isOther) this.#closed = 0;
    const isWhole = this.#cutter.isDone && this.#at === this.#pieces.length;
    if (!isOther && !this.#isDone && isWhole && (this.#growFence(text) || this.#growWords(text))) {
      this.#drawn = text;
      return true;
    }
    this.#drawn = text;
    this.#isFinished = this.#isDone;
    this.#fence = null;
    this.#words = null;
    if (this.#isDone || isOther) {
      this.#closed = 0;
      this.#openAt = 0;
      this.#first = undefined;
    }
    this.#cutter = new Cutter(text.slice(this.#openAt), this.#first, !this.#isDone);
    this.#pieces = this.#cutter.pieces;
    this.#at = 0;
    this.#definitions = new Definitions(this.#isDone ? text : "");
    return false;
  }

  /**
   * Draws some of the pieces.
   * @param {number} start
   * @returns {boolean} true if all are drawn
   */
  #slice(start) {
    let weight = 0;
    const isTime = () => weight < SLICE && performance.now() - start < BUDGET;
    // A definition at the end may be used at the beginning.
    const definitions = this.#definitions;
    while (!definitions.areKnown && isTime()) {
      if (!definitions.search(this.#cutter)) this.#cutter.read();
    }
    while (definitions.areKnown) {
      if (this.#at < this.#cutter.count) {
        if (this.#isFull()) this.#join();
        weight += this.#piece(/** @type {Piece} */ (this.#pieces[this.#at]));
        this.#at += 1;
      } else if (this.#cutter.isDone) break;
      else this.#cutter.read();
      if (!isTime()) break;
    }
    this.#element.classList.toggle("long", this.#closed + this.#at > MANY);
    if (!this.#cutter.isDone || this.#at < this.#pieces.length) return false;
    const count = this.#closed + this.#pieces.length;
    for (const { nodes } of this.#blocks.splice(count)) for (const node of nodes) node.remove();
    return true;
  }

  /** True if the text has as much as the page bears. */
  #isFull() {
    const count = this.#closed + this.#at;
    return count >= MOST_PIECES || (this.#blocks[count - 1]?.weight ?? 0) > MOST_NODES;
  }

  /** Makes one piece of the next ones, which are shown as they were written. */
  #join() {
    let raw = "";
    let count = 0;
    while (raw.length < 4 * CHUNK) {
      const piece = this.#at + count < this.#cutter.count && this.#pieces[this.#at + count];
      if (piece) {
        raw += piece.raw;
        count += 1;
      } else if (this.#cutter.isDone) break;
      else this.#cutter.read();
    }
    this.#pieces.splice(this.#at, count, { kind: "plain", raw });
  }

  /**
   * @param {Piece} piece
   * @returns {number} number of nodes made for it
   */
  #piece(piece) {
    const index = this.#closed + this.#at;
    const old = this.#blocks[index];
    const before = this.#blocks[index - 1];
    const total = before?.weight ?? 0;
    const define = this.#isDone ? this.#definitions.in(piece) : notesIn(piece);
    const raw = (piece.head ?? "") + piece.raw;
    if (old && old.raw === raw && !(define && this.#isDone)) return 0;
    if (old && this.#isFull()) old.parts = [];
    else if (old && this.#grow(piece, old)) {
      old.raw = raw;
      return 1;
    }
    const drawn = this.#isFull()
      ? asWritten(piece)
      : draw(piece, {
          define,
          next: before?.next ?? 0,
          level: this.#level,
          parts: this.#isDone ? [] : old?.parts,
          drawWithin:
            this.#depth < DEEPEST && ((host, text) => this.#drawWithin(host, text, piece)),
        });
    const { weight, next, parts } = drawn;
    const { host, nodes: fresh } = joined(piece, drawn.nodes, before?.nodes, this.#element);
    const isThere = old?.nodes.every(({ parentNode }) => parentNode === host);
    if (old && !isThere) for (const node of old.nodes) node.remove();
    const after = this.#blocks
      .slice(index + 1, index + 9)
      .find(({ nodes }) => nodes[0]?.parentNode === host);
    const nodes = patch(isThere ? (old?.nodes ?? []) : [], fresh, host, after?.nodes[0] ?? null);
    this.#blocks[index] = { raw, nodes, weight: total + weight, next, parts };
    return weight;
  }

  /**
   * Code and folded parts are not made again: their text changes.
   * @param {Piece} piece
   * @param {Block} old
   * @returns {boolean} true if that was all
   */
  #grow({ kind, language = "", text = "", summary = "", isOpen }, { nodes }) {
    const [node] = nodes;
    if (nodes.length !== 1) return false;
    if (kind === "fence") {
      const code = textOfBlock(node, language);
      code?.set(text);
      return code !== null;
    }
    if (kind !== "details" || !(node instanceof HTMLElement)) return false;
    const [head, body] = node.children;
    const within = body && this.#within.get(body);
    if (!head || !within) return false;
    patch([head], [drawSummary(summary)], node, body);
    within.set(text, this.#isDone || !isOpen);
    return true;
  }

  /**
   * @param {HTMLElement} host
   * @param {string} text
   * @param {Piece} piece
   */
  #drawWithin(host, text, { isOpen }) {
    const within = new StreamingMarkdown(host, { level: this.#level, depth: this.#depth + 1 });
    this.#within.set(host, within);
    within.set(text, this.#isDone || !isOpen);
  }

  /** Everything is drawn: what may not change any more is closed. */
  #settle() {
    const open = this.#isDone ? 0 : OPEN;
    const closing = Math.max(0, this.#pieces.length - open);
    for (const { nodes } of this.#blocks.slice(this.#closed)) nodes.forEach(colour);
    if (this.#isDone) return this.#definitions.showUnused(this.#element);
    for (const { raw } of this.#pieces.splice(0, closing)) this.#openAt += raw.length;
    this.#closed += closing;
    this.#at = this.#pieces.length;
    this.#first = this.#pieces[0];
    const last = this.#pieces.at(-1);
    this.#fence = last?.isOpen ? textOfBlock(this.#element.lastChild ?? undefined) : null;
    this.#words = last && !this.#fence ? wordsAtEnd(last, this.#element, this.#drawn) : null;
  }

  /**
   * Within an open code block nothing has to be parsed: its text gets longer.
   * @param {string} text
   * @returns {boolean} true if that was all
   */
  #growFence(text) {
    if (!this.#fence) return false;
    const added = text.slice(this.#drawn.length);
    // A fence within it may end it, or begin one in it; indented, its lines are cut.
    const line = text.slice(this.#drawn.lastIndexOf("\n") + 1);
    if (/^ {0,3}(?:`{1,}|~{1,})/m.test(line)) return false;
    if (this.#pieces.at(-1)?.raw[0] === " ") return false;
    this.#fence.set(this.#fence.text + added);
    colour(/** @type {Node} */ (this.#element.lastChild));
    this.#lengthen(added);
    return true;
  }

  /**
   * Words without anything that Markdown could read as more than words go to the end of the last
   * text. Should they yet turn out to be more, the next parse of the block says so.
   * @param {string} text
   * @returns {boolean} true if that was all
   */
  #growWords(text) {
    const added = text.slice(this.#drawn.length);
    if (!this.#words || !/^[\p{L}\p{M}\p{N} .,:;?()'"’“”–—-]+$/u.test(added)) return false;
    // An address would become a link.
    if (/(?:www\.|:\/|@)\S*$/.test(this.#drawn.slice(-80) + added)) return false;
    // A space at the end of a block is not shown, until something follows it.
    const space =
      /[^\s] +$/.test(this.#drawn.slice(-80)) && !/\s$/.test(this.#words.data) ? " " : "";
    this.#words.appendData(space + added);
    this.#lengthen(added);
    return true;
  }

  /**
   * Notes what was added to the last piece on the page.
   * @param {string} added
   */
  #lengthen(added) {
    const piece = this.#pieces.at(-1);
    const block = this.#blocks.at(-1);
    if (piece) piece.raw += added;
    // The nodes differ from a parse of this: they are made again.
    if (block) block.raw = "";
  }
}
