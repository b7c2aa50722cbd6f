/**
 * Code on the page, in pieces of some lines. Each is laid out only where it is seen. A piece that is
 * full stays as it is, whatever comes after it; colours change only the parts that differ.
 */
import { hasUnseen } from "../lib/bidi.js";
import { el } from "../lib/dom.js";
import { appendText } from "../lib/visible-text.js";

/** Lines of a piece (`markdown/code.css` has their height), and its UTF-16 units. */
const LINES = 50;
const LONGEST = 8000;

/**
 * @typedef {string|{scope?: string, children: Part[]}} Part a piece of code of one colour
 *
 * @typedef {object} Piece
 * @property {HTMLElement} element
 * @property {string} text
 * @property {number} lines
 * @property {{key: string, nodes: ChildNode[]}[]} parts its coloured beginning
 * @property {Text|null} tail a text after that, which has no colours yet
 * @property {Part[]|null} wanted colours that wait until nothing in the piece is selected
 */

/** @type {WeakMap<Element, CodeText>} */
const known = new WeakMap();

/** @param {Element} code */
export const codeTextOf = (code) => known.get(code);

export class CodeText {
  text = "";
  /** Length of the text whose colours were asked for. */
  asked = 0;
  /** Time from which its colours may be requested again, in the page's ms. */
  due = 0;
  /** False if it takes too long to colour. */
  isColourable = true;
  /** Identity of the given colours; a new object when they are lost. */
  state = {};
  #code;
  /** @type {Piece[]} */
  #pieces = [];

  /** @param {HTMLElement} code to be filled */
  constructor(code) {
    this.#code = code;
    known.set(code, this);
  }

  get code() {
    return this.#code;
  }

  get language() {
    return this.#code.dataset.language ?? "";
  }

  /** Lengths of the pieces. */
  get lengths() {
    return this.#pieces.map(({ text }) => text.length);
  }

  /** @param {string} text */
  set(text) {
    if (text === this.text) return;
    if (!text.startsWith(this.text)) this.#shorten(text);
    this.#append(text.slice(this.text.length));
    this.text = text;
    // A language that is not known has all the colours it gets.
    if (this.isColourable) delete this.#code.dataset.coloured;
  }

  /**
   * Drops everything from the first difference on.
   * @param {string} text
   */
  #shorten(text) {
    let at = 0;
    let index = 0;
    for (const piece of this.#pieces) {
      if (!text.startsWith(piece.text, at)) break;
      at += piece.text.length;
      index += 1;
    }
    const piece = this.#pieces[index];
    const rest = text.slice(at);
    const surplus = piece ? piece.text.length - rest.length : 0;
    if (piece?.tail && piece.text.startsWith(rest) && surplus <= piece.tail.length) {
      piece.tail.deleteData(piece.tail.length - surplus, surplus);
      piece.text = rest;
      piece.lines = linesOf(rest);
      index += 1;
      at = text.length;
    }
    for (const { element } of this.#pieces.splice(index)) {
      element.remove();
      this.state = {};
    }
    this.text = text.slice(0, at);
    this.asked = Math.min(this.asked, at);
  }

  /** @param {string} added */
  #append(added) {
    for (let from = 0; from < added.length; ) {
      let piece = this.#pieces.at(-1);
      if (!piece || piece.lines >= LINES || piece.text.length >= LONGEST) {
        const element = el("span", { class: "code-piece" });
        piece = { element, text: "", lines: 0, parts: [], tail: null, wanted: null };
        this.#pieces.push(piece);
        this.#code.append(element);
      }
      const to = endOf(added, from, LINES - piece.lines, LONGEST - piece.text.length);
      const part = added.slice(from, to);
      piece.text += part;
      piece.lines += linesOf(part);
      say(piece, part);
      from = to;
    }
  }

  /**
   * Gives pieces their colours.
   * @param {[number, Part[]][]} pieces each with its index
   */
  paint(pieces) {
    for (const [index, parts] of pieces) {
      const piece = this.#pieces[index];
      if (piece && !paint(piece, parts)) piece.wanted = parts;
    }
  }

  /** Has all colours asked for again. */
  forget() {
    this.asked = 0;
    this.state = {};
  }

  /** Gives pieces their colours that waited; true if some still wait. */
  paintWaiting() {
    for (const piece of this.#pieces) if (piece.wanted) paint(piece, piece.wanted);
    return this.isWaiting;
  }

  get isWaiting() {
    return this.#pieces.some(({ wanted }) => wanted);
  }
}

/**
 * @param {string} text
 * @param {number} from
 * @param {number} lines
 * @param {number} most UTF-16 units
 */
function endOf(text, from, lines, most) {
  let end = from;
  for (let i = 0; i < lines; i++) {
    const at = text.indexOf("\n", end);
    if (at < 0 || at >= from + most) {
      end = Math.min(text.length, from + most);
      break;
    }
    end = at + 1;
  }
  const code = text.charCodeAt(end);
  return code >= 0xdc00 && code <= 0xdfff && end < text.length ? end + 1 : end;
}

/** @param {string} text */
function linesOf(text) {
  let lines = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}

/**
 * Adds a text without colours.
 * @param {Piece} piece
 * @param {string} text
 */
function say(piece, text) {
  if (!text) return;
  if (piece.tail && !hasUnseen(text)) return piece.tail.appendData(text);
  appendText(piece.element, text);
  const last = piece.element.lastChild;
  piece.tail = last instanceof Text && last.data === text ? last : null;
}

/**
 * @param {Piece} piece
 * @param {Part[]} parts
 * @returns {boolean} false if a selection would be lost
 */
function paint(piece, parts) {
  const keys = parts.map((part) => JSON.stringify(part));
  let length = 0;
  let same = 0;
  for (; same < keys.length && piece.parts[same]?.key === keys[same]; same++) {
    length += lengthOf(/** @type {Part} */ (parts[same]));
  }
  const { element } = piece;
  const kept = piece.parts.slice(0, same).flatMap(({ nodes }) => nodes);
  const first = kept.length ? (kept.at(-1)?.nextSibling ?? null) : element.firstChild;
  if (holdsSelection(element, first)) return false;
  while (first && element.lastChild !== kept.at(-1) && element.lastChild)
    element.lastChild.remove();
  piece.parts.length = same;
  for (const [i, part] of parts.slice(same).entries()) {
    const before = element.childNodes.length;
    append(element, part);
    const nodes = [...element.childNodes].slice(before);
    piece.parts.push({ key: keys[same + i] ?? "", nodes });
    length += lengthOf(part);
  }
  piece.tail = null;
  piece.wanted = null;
  say(piece, piece.text.slice(length));
  return true;
}

/** @param {Part} part @returns {number} */
function lengthOf(part) {
  if (typeof part === "string") return part.length;
  return part.children.reduce((sum, child) => sum + lengthOf(child), 0);
}

/**
 * @param {Node} parent
 * @param {Part} part
 */
function append(parent, part) {
  if (typeof part === "string") {
    // A text of its own: what comes after it is not added to it.
    if (hasUnseen(part)) appendText(parent, part);
    else parent.appendChild(document.createTextNode(part));
    return;
  }
  const span = document.createElement("span");
  if (part.scope && !part.scope.startsWith("language:")) {
    const [first = "", ...more] = part.scope.split(".");
    span.className = [`hljs-${first}`, ...more.map((name, i) => name + "_".repeat(i + 1))].join(
      " ",
    );
  }
  for (const child of part.children) append(span, child);
  parent.appendChild(span);
}

/**
 * True if a selection begins or ends within a child of an element, from one of them on.
 * @param {Element} element
 * @param {Node|null} first
 */
function holdsSelection(element, first) {
  const selection = document.getSelection?.();
  if (!selection || selection.isCollapsed || !selection.rangeCount) return false;
  const { startContainer, endContainer } = selection.getRangeAt(0);
  return [startContainer, endContainer].some((node) => {
    if (!element.contains(node)) return false;
    for (let one = first; one; one = one.nextSibling) if (one.contains(node)) return true;
    return node === element;
  });
}
