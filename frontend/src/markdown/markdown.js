/**
 * Markdown as DOM nodes. Text of a model becomes elements here and in `inline-nodes.js` only, one by
 * one, and only of the kinds named there. Of HTML, names of characters and some tags without
 * attributes are read.
 */

import { fill } from "../lib/chunks.js";
import { el } from "../lib/dom.js";
import { t } from "../lib/translate.js";
import { appendText } from "../lib/visible-text.js";
import { blocksOf } from "./blocks.js";
import { codeBlock } from "./code-block.js";
import { directed } from "./direction.js";
import { inlines } from "./inline.js";
import { appendInlines, formula, jumps } from "./inline-nodes.js";
import { Kept } from "./kept.js";

/**
 * @typedef {import("./pieces.js").Piece} Piece
 * @typedef {import("./blocks.js").Generic} Generic
 *
 * @typedef {object} Context
 * @property {import("./inline.js").Define|null} define
 * @property {number} next number of the item that would go on the list before
 * @property {number} level of the first heading
 * @property {import("./kept.js").Part[]} [parts] of the piece as it was drawn before
 * @property {((host: HTMLElement, text: string) => void)|false} drawWithin draws a text in an
 *   element; false where folded parts are too deep
 *
 * @typedef {object} Drawn
 * @property {ChildNode[]} nodes
 * @property {number} weight how many nodes there are, about
 * @property {number} next number of the item that would go on a list at its end, or 0
 * @property {import("./kept.js").Part[]} [parts]
 */

/** Nodes of a piece; one that would need more is shown as it was written. */
const MOST_NODES = 3000;
/** Nodes of a block of code, with its buttons. */
const CODE_WEIGHT = 28;
/** The last level of headings in HTML. */
const DEEPEST_HEADING = 6;

class TooMuch extends Error {}

/**
 * @param {Piece} piece
 * @param {Context} context
 * @returns {Drawn}
 */
export function draw(piece, context) {
  if (piece.kind === "text") {
    try {
      return new Drawing(context).text(piece);
    } catch (problem) {
      if (!(problem instanceof TooMuch)) console.error("parley: Markdown failed", problem);
    }
  }
  const text = piece.text ?? "";
  if (piece.kind === "fence") {
    return { nodes: [codeBlock(piece.language ?? "", text)], weight: CODE_WEIGHT, next: 0 };
  }
  if (piece.kind === "formula") {
    return { nodes: [formula("div", text, true)], weight: 4 + text.length, next: 0 };
  }
  if (piece.kind === "details" && context.drawWithin) {
    return { nodes: [details(piece, context)], weight: 8 + text.length / 4, next: 0 };
  }
  return asWritten(piece);
}

/**
 * A piece as it was written.
 * @param {Piece} piece
 * @returns {Drawn}
 */
export function asWritten({ raw }) {
  const plain = el("div", { class: "plain", dir: "auto" });
  fill(plain, raw.replace(/\n$/, ""));
  return { nodes: [plain], weight: 2 + 2 * plain.childNodes.length, next: 0 };
}

/**
 * A part that is folded until somebody opens it.
 * @param {Piece} piece
 * @param {Context} context
 */
function details({ text = "", summary = "" }, { drawWithin }) {
  const head = drawSummary(summary);
  const body = el("div", { class: "markdown" });
  if (drawWithin) drawWithin(body, text);
  return el("details", { class: "folded" }, head, body);
}

/** @param {string} text the line that is seen of a folded part */
export function drawSummary(text) {
  const summary = directed(el("summary"), text);
  if (text) appendInlines(inlines(text), summary, () => {});
  else summary.append(t("Details"));
  return summary;
}

const ALERT = /^\[!(note|tip|important|warning|caution)\][ \t]*(?:\n|$)/i;

/** @param {string} name of the kind of an alert */
function alertTitle(name) {
  switch (name) {
    case "note":
      return t("Note");
    case "tip":
      return t("Tip");
    case "important":
      return t("Important");
    case "warning":
      return t("Warning");
    default:
      return t("Caution");
  }
}

class Drawing {
  #context;
  #weight = 0;
  #kept;

  /** @param {Context} context */
  constructor(context) {
    this.#context = context;
    // The targets of labels may have changed.
    this.#kept = new Kept(context.define ? [] : (context.parts ?? []));
  }

  /**
   * @param {Piece} piece
   * @returns {Drawn}
   */
  text({ raw, goesOn, head = "" }) {
    const tokens = blocksOf(head + raw);
    const [first] = tokens;
    const { next } = this.#context;
    // An item after item written with the number 1 is counted on.
    if (goesOn && next && first?.type === "list" && first.start === 1) first.start = next;
    const fragment = document.createDocumentFragment();
    for (const token of tokens) {
      this.#kept.begin(token);
      this.#blocks([token], fragment);
    }
    const last = tokens.at(-1);
    const isNumbered = last?.type === "list" && last.ordered;
    const after = isNumbered ? Number(last.start) + last.items.length : 0;
    const nodes = [...fragment.childNodes];
    return { nodes, weight: this.#weight, next: after, parts: this.#kept.parts };
  }

  #count = (weight = 1) => {
    this.#weight += weight;
    if (this.#weight > MOST_NODES) throw new TooMuch();
  };

  /**
   * The node of a part of a list or table, as it was drawn before or new.
   * @param {Generic} of the list or table
   * @param {string} key the same for the same node
   * @param {() => HTMLElement} make
   */
  #part(of, key, make) {
    const before = this.#weight;
    const { node, weight } = this.#kept.part(of, key, () => {
      const node = make();
      return { node, weight: this.#weight - before };
    });
    this.#weight = before;
    this.#count(weight);
    return node;
  }

  /**
   * @param {Generic[]} tokens
   * @param {Node} parent
   * @param {boolean} [isTight] texts stand in no paragraphs of their own
   */
  #blocks(tokens, parent, isTight = false) {
    for (const token of tokens) {
      this.#count();
      const block = this.#block(token, isTight);
      if (block) parent.appendChild(block);
    }
  }

  /**
   * @param {Generic} token
   * @param {boolean} isTight
   * @returns {Node|null}
   */
  #block(token, isTight) {
    switch (token.type) {
      case "space":
      case "checkbox":
        return null;
      case "hr":
        return el("hr");
      case "code":
        this.#count(CODE_WEIGHT - 1);
        return codeBlock(token.lang ?? "", token.text);
      case "formula":
        this.#count(token.text.length);
        return formula("div", token.text, true);
      case "heading":
        return this.#heading(token);
      case "blockquote":
        return this.#quote(token);
      case "list":
        return this.#list(token);
      case "table":
        return this.#table(token);
      case "footnote":
        return this.#note(token);
      case "def":
        return this.#definition(token);
      default: {
        if (!isTight) return this.#worded("p", token.text ?? token.raw);
        const fragment = document.createDocumentFragment();
        this.#words(token.text ?? token.raw, fragment);
        return fragment;
      }
    }
  }

  /**
   * @template {"p"|"h2"|"td"|"th"} Tag
   * @param {Tag} tag
   * @param {string} text
   */
  #worded(tag, text) {
    const element = directed(el(tag), text);
    this.#words(text, element);
    return element;
  }

  /** @param {Generic} token */
  #heading({ depth, text }) {
    const level = depth + this.#context.level - 1;
    const tag = /** @type {"h2"} */ (`h${Math.min(DEEPEST_HEADING, level)}`);
    const heading = this.#worded(tag, text);
    heading.dataset.depth = String(depth);
    if (level > DEEPEST_HEADING) heading.setAttribute("aria-level", String(level));
    return heading;
  }

  /**
   * A quotation, or an alert: `> [!NOTE]`.
   * @param {Generic} token
   */
  #quote({ text, tokens = [] }) {
    const [marker = "", kind = ""] = ALERT.exec(text) ?? [];
    if (!kind) {
      const quote = directed(el("blockquote"), text.replace(/^[\s>]+/, ""));
      this.#blocks(tokens, quote);
      return quote;
    }
    const name = kind.toLowerCase();
    const title = el("p", { class: "alert-title" }, alertTitle(name));
    const alert = el("div", { class: `alert-${name} alert`, role: "note" }, title);
    directed(alert, text.slice(marker.length));
    this.#blocks(blocksOf(text.slice(marker.length)), alert);
    return alert;
  }

  /** @param {Generic} token */
  #list(token) {
    const list = el(token.ordered ? "ol" : "ul");
    directed(list, token.items[0]?.text ?? "");
    if (token.ordered && token.start !== 1) list.setAttribute("start", String(token.start));
    for (const item of token.items) {
      const key = `${token.loose} ${item.raw.trimEnd()}`;
      list.append(this.#part(token, key, () => this.#item(item, token.loose)));
    }
    return list;
  }

  /**
   * @param {Generic} item
   * @param {boolean} isLoose
   */
  #item(item, isLoose) {
    this.#count();
    const { tokens = [] } = item;
    const element = directed(el("li"), item.text);
    if (item.task) {
      element.classList.add("task");
      const state = item.checked ? t("Done") : t("Not done");
      const box = el("span", { class: "task-box", role: "img", "aria-label": state });
      box.append(item.checked ? "☑" : "☐");
      element.append(box, " ");
      for (const one of /** @type {Generic[]} */ (tokens.slice(0, 2))) {
        if (typeof one.text === "string") one.text = one.text.replace(/^\[[ xX]\][ \t]+/, "");
      }
    }
    this.#blocks(tokens, element, !isLoose);
    if (item.task && isLoose) joinBox(element);
    return element;
  }

  /** @param {Generic} token */
  #table(token) {
    this.#count(token.header.length + 1);
    const row = (/** @type {"td"|"th"} */ tag, /** @type {Generic[]} */ cells) => {
      this.#count(cells.length + 1);
      const tr = el("tr");
      for (const { text, align } of cells) {
        const cell = this.#worded(tag, text);
        if (align) cell.setAttribute("align", align);
        tr.append(cell);
      }
      return tr;
    };
    const body = el("tbody");
    for (const cells of token.rows) {
      const key = cells
        .map((/** @type {Generic} */ { text, align }) => `${align} ${text}`)
        .join("\n");
      body.append(this.#part(token, key, () => row("td", cells)));
    }
    const table = el("table", {}, el("thead", {}, row("th", token.header)));
    if (token.rows.length) table.append(body);
    directed(
      table,
      `${token.header.map((/** @type {Generic} */ { text }) => text).join(" ")} ${token.rows[0]?.[0]?.text}`,
    );
    const frame = el("div", { class: "table-frame", tabindex: 0, role: "group" }, table);
    frame.setAttribute("aria-label", t("Table"));
    return frame;
  }

  /**
   * A footnote stands where it was written, and leads back to its mark.
   * @param {Generic} token
   */
  #note({ label, tokens = [], text }) {
    const back = el("a", { class: "note-label", role: "doc-backlink", tabindex: 0 });
    appendText(back, label);
    const body = directed(el("div"), text);
    this.#blocks(tokens, body);
    const note = el("div", { class: "note", role: "doc-footnote", tabindex: -1 }, back, body);
    for (const one of [back, note]) one.dataset.note = label;
    jumps(back, ".note-mark");
    return note;
  }

  /**
   * A definition is shown only where nothing uses it.
   * @param {Generic} token
   */
  #definition(token) {
    const line = el("p", { class: "definition", hidden: true });
    line.dataset.label = token.label;
    line.dataset.href = token.href;
    appendInlines(inlines(token.raw.trim()), line, this.#count);
    return line;
  }

  /**
   * @param {string} text
   * @param {Node} parent
   */
  #words(text, parent) {
    appendInlines(inlines(text, this.#context.define), parent, this.#count);
  }
}

/**
 * The box of a task stands in the paragraph that says it.
 * @param {HTMLElement} item
 */
function joinBox(item) {
  const [box, space, words] = item.childNodes;
  if (box && space instanceof Text && words instanceof HTMLElement && words.nodeName === "P") {
    words.prepend(box, space);
  }
}
