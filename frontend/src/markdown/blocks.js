/**
 * The blocks of a piece of Markdown: paragraphs, lists, tables, quotes. `marked` finds them; the
 * text within them is read when it is drawn (`inline.js`). Raw HTML is text here, and nothing that
 * was written is left out.
 */
import { Lexer, Tokenizer } from "marked";
import { safeUrl } from "./addresses.js";
import { fenceAt } from "./fences.js";
import { blockFormulaAt, Finder } from "./formulas.js";
import { normalLabel } from "./link-tail.js";

/**
 * @typedef {import("marked").Token} Token
 * @typedef {import("marked").Tokens.Generic} Generic
 */

/** Lists and quotes within each other, deeper than this, are text. */
const DEEPEST = 10;

/** A line that defines what a label leads to; anything else in brackets is text. */
const DEFINITION =
  /^ {0,3}\[((?:[^[\]\\\n]|\\.){1,300})\]:[ \t]*<?((?:https?:\/\/|mailto:)[^\s<>]{1,4000})>?(?:[ \t]+(?:"([^"\n]{0,1000})"|'([^'\n]{0,1000})'|\(([^()\n]{0,1000})\)))?[ \t]*(?:\n|$)/i;

/** The first line of a footnote. */
const NOTE = /^ {0,3}\[\^([^\s[\]\\^]{1,100})\]:[ \t]*([^\n]*)(?:\n|$)/;

class Blocks extends Tokenizer {
  #definitions = 0;

  /**
   * @override
   * @param {string} src
   * @returns {any}
   */
  fences(src) {
    const formula = blockFormulaAt(src, 0, new Finder(src));
    if (formula) {
      return { type: "formula", raw: src.slice(0, formula.end), text: formula.tex };
    }
    const fence = fenceAt(src);
    if (!fence) return undefined;
    const { end, language, code } = fence;
    return { type: "code", raw: src.slice(0, end), lang: language, text: code };
  }

  /** @override */
  html() {
    return undefined;
  }

  /**
   * @override
   * @param {string} src
   * @returns {any}
   */
  def(src) {
    // The lexer drops a second one of the same tag.
    const tag = `${++this.#definitions}`;
    const note = noteAt(src);
    if (note) return { type: "footnote", tag, ...note, tokens: this.lexer.blockTokens(note.text) };
    const found = DEFINITION.exec(src);
    if (!found) return undefined;
    const { label, href, title } = definition(found);
    return { type: "def", tag, label, raw: found[0], href, title };
  }

  /**
   * @override
   * @param {string} src
   */
  table(src) {
    // A bar in code is no border, and what stands behind the last border is kept.
    const masked = src.includes("`") ? src.replace(CODE, maskBars) : src;
    const table = super.table(masked);
    if (!table) return undefined;
    const [head = "", , ...lines] = table.raw.split("\n");
    table.raw = src.slice(0, table.raw.length);
    const count = table.header.length;
    for (const [i, text] of cellsOf(head, count).entries()) {
      const cell = table.header[i];
      if (cell) cell.text = text;
    }
    for (const [i, row] of table.rows.entries()) {
      const texts = cellsOf(lines[i] ?? "", count);
      for (const [j, cell] of row.entries()) cell.text = texts[j] ?? "";
    }
    return table;
  }
}

/**
 * The footnote at the start of a text: up to a blank line after which nothing is indented, or to the
 * next footnote.
 * @param {string} src
 */
function noteAt(src) {
  const [first, label = "", start = ""] = NOTE.exec(src) ?? [];
  if (first === undefined) return null;
  const lines = [start];
  let raw = first;
  let blanks = "";
  while (raw.length + blanks.length < src.length) {
    const at = raw.length + blanks.length;
    const end = src.indexOf("\n", at) + 1 || src.length;
    const line = src.slice(at, end);
    const isIndented = /^(?: {2}|\t)/.test(line);
    if (line.trim() === "") {
      blanks += line;
      continue;
    }
    if (
      !isIndented &&
      (blanks || NOTE.test(line) || /^ {0,3}(?:[#>*+-]|```|~~~|\d+[.)])/.test(line))
    )
      break;
    if (blanks) lines.push("");
    lines.push(line.replace(/^(?: {1,4}|\t)/, "").replace(/\n$/, ""));
    raw += blanks + line;
    blanks = "";
  }
  return { label, raw, text: lines.join("\n") };
}

/** Code within a line. */
const CODE = /(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)/g;

/** Stands for a bar that is no border; in no text a model writes, and put back at once. */
const BAR = "\uf8fe";

/** @param {string} code */
const maskBars = (code) => code.replaceAll("|", BAR);

/**
 * The cells of a row; where there are more than columns, the last one holds the rest.
 * @param {string} line
 * @param {number} count
 */
function cellsOf(line, count) {
  /** @type {string[]} */
  const cells = [""];
  const row = line.trim().replace(/^\|/, "");
  for (const part of row.split(/(\\.|\|)/s)) {
    if (part === "|") cells.push("");
    else cells[cells.length - 1] += part === "\\|" ? "|" : part;
  }
  if (cells.length > 1 && cells.at(-1)?.trim() === "") cells.pop();
  const rest = cells.splice(count - 1).join("|");
  return [...cells, rest].map((cell) => cell.trim().replaceAll(BAR, "|"));
}

class BlockLexer extends Lexer {
  #depth = 0;

  /**
   * @override
   * @param {string} src
   * @param {any} [tokens]
   * @param {boolean} [isClipped]
   * @returns {any}
   */
  blockTokens(src, tokens = [], isClipped = false) {
    if (this.#depth >= DEEPEST) {
      tokens.push({ type: "text", raw: src, text: src, tokens: this.inline(src) });
      return tokens;
    }
    this.#depth += 1;
    try {
      return super.blockTokens(src, tokens, isClipped);
    } finally {
      this.#depth -= 1;
    }
  }
}

/**
 * @param {string} raw of a piece
 * @returns {Generic[]}
 */
export function blocksOf(raw) {
  const lexer = new BlockLexer({ gfm: true, breaks: true, tokenizer: new Blocks() });
  return lexer.blockTokens(raw);
}

/**
 * @param {RegExpExecArray} found
 */
function definition([, label = "", href = "", ...titles]) {
  return { label: normalLabel(label), href, title: titles.find((one) => one) ?? "" };
}

/**
 * True if there may be definitions in a text.
 * @param {string} text
 */
export const mayDefine = (text) =>
  text.includes("]:") && /^ {0,3}\[(?:\^|[^\]\n]{1,300}\]:[ \t]*<?(?:http|mailto))/im.test(text);

/**
 * Adds what a piece defines its labels as. The first of several definitions counts.
 * @param {import("./pieces.js").Piece} piece
 * @param {Map<string, import("./inline.js").Definition>} known
 */
export function readDefinitions({ kind, raw }, known) {
  if (kind !== "text" || !raw.includes("]:")) return;
  for (const line of raw.split("\n")) {
    if (!line.includes("]:")) continue;
    const note = NOTE.exec(line)?.[1];
    if (note) known.set(normalLabel(`^${note}`), { href: "", title: "", isNote: true });
    const match = DEFINITION.exec(line);
    if (!match) continue;
    const { label, href, title } = definition(match);
    if (safeUrl(href) && !known.has(label)) known.set(label, { href, title });
  }
}
