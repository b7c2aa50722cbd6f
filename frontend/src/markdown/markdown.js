/**
 * Markdown as DOM nodes: the one place where text of a model becomes more than text. Elements are
 * made one by one, of the kinds named here and no others; of HTML only the names of characters are
 * read. Links lead only to http, https and mailto.
 */

import { fill, GrowingText } from "../lib/chunks.js";
import { copyButton } from "../lib/copy.js";
import { el } from "../lib/dom.js";
import { t } from "../lib/translate.js";
import { appendText, textOf } from "../lib/visible-text.js";
import { otherHost } from "./addresses.js";
import { blocksOf } from "./blocks.js";
import { directionOf } from "./direction.js";
import { inlines } from "./inline.js";
import { setFormula } from "./typesetting.js";

/**
 * @typedef {import("./pieces.js").Piece} Piece
 * @typedef {import("./blocks.js").Generic} Generic
 *
 * @typedef {object} Drawn
 * @property {ChildNode[]} nodes
 * @property {number} weight how many nodes there are, about
 * @property {number} next number of the item that would go on a list at its end, or 0
 */

/** Nodes of a piece; one that would need more is shown as it was written. */
const MOST_NODES = 3000;
/** The most code in one text, which can be coloured. */
export const CODE_CHUNK = 32_000;

class TooMuch extends Error {}

/**
 * @param {Piece} piece
 * @param {import("./inline.js").Define|null} define
 * @param {number} next number of the item that would go on the list before
 * @returns {Drawn}
 */
export function draw(piece, define, next) {
  if (piece.kind === "text") {
    try {
      return new Drawing(define).text(piece, next);
    } catch (problem) {
      if (!(problem instanceof TooMuch)) console.error("parley: Markdown failed", problem);
    }
  }
  if (piece.kind === "fence") {
    return { nodes: [codeBlock(piece.language ?? "", piece.text ?? "")], weight: 16, next: 0 };
  }
  if (piece.kind === "formula") {
    const tex = piece.text ?? "";
    return { nodes: [formula("div", tex, true)], weight: 4 + tex.length, next: 0 };
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
 * @param {string} language
 * @param {string} text
 */
function codeBlock(language, text) {
  const code = el("code");
  if (language) code.dataset.language = language.toLowerCase();
  new GrowingText(code, text, CODE_CHUNK);
  const head = el(
    "div",
    { class: "code-head" },
    el("span", { class: "code-language" }, language.toLowerCase() || "text"),
    copyButton(t("Copy code"), () => textOf(code)),
  );
  return el("div", { class: "code", dir: "ltr" }, head, el("pre", { tabindex: 0 }, code));
}

/**
 * @param {"div"|"span"} tag
 * @param {string} tex
 * @param {boolean} isDisplay
 */
function formula(tag, tex, isDisplay) {
  const place = el(tag, { class: "math-source", dir: "ltr" });
  appendText(place, tex);
  setFormula(place, isDisplay);
  return place;
}

class Drawing {
  #define;
  #weight = 0;

  /** @param {import("./inline.js").Define|null} define */
  constructor(define) {
    this.#define = define;
  }

  /**
   * @param {Piece} piece
   * @param {number} next
   * @returns {Drawn}
   */
  text({ raw, goesOn, head = "" }, next) {
    const tokens = blocksOf(head + raw);
    const [first] = tokens;
    // An item after item written with the number 1 is counted on.
    if (goesOn && next && first?.type === "list" && first.start === 1) first.start = next;
    const fragment = document.createDocumentFragment();
    this.#blocks(tokens, fragment);
    const last = tokens.at(-1);
    const isNumbered = last?.type === "list" && last.ordered;
    const after = isNumbered ? Number(last.start) + last.items.length : 0;
    return { nodes: [...fragment.childNodes], weight: this.#weight, next: after };
  }

  /** @param {number} [weight] */
  #count(weight = 1) {
    this.#weight += weight;
    if (this.#weight > MOST_NODES) throw new TooMuch();
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
        this.#count(15);
        return codeBlock(token.lang ?? "", token.text);
      case "formula":
        this.#count(token.text.length);
        return formula("div", token.text, true);
      case "heading":
        // The page has the first level itself.
        return this.#worded(/** @type {"h2"} */ (`h${Math.min(6, token.depth + 1)}`), token.text);
      case "blockquote": {
        const quote = directed(el("blockquote"), token.text.replace(/^[\s>]+/, ""));
        this.#blocks(token.tokens ?? [], quote);
        return quote;
      }
      case "list":
        return this.#list(token);
      case "table":
        return this.#table(token);
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
  #list(token) {
    const list = el(token.ordered ? "ol" : "ul");
    directed(list, token.items[0]?.text ?? "");
    if (token.ordered && token.start !== 1) list.setAttribute("start", String(token.start));
    for (const item of token.items) {
      this.#count();
      const element = directed(el("li"), item.text);
      list.append(element);
      if (item.task) {
        element.classList.add("task");
        const box = item.checked ? "☑ " : "☐ ";
        element.append(box);
        for (const one of item.tokens.slice(0, 2)) {
          if (typeof one.text === "string") one.text = one.text.replace(/^\[[ xX]\][ \t]+/, "");
        }
      }
      this.#blocks(item.tokens, element, !token.loose);
      if (item.task && token.loose) joinBox(element);
    }
    return list;
  }

  /** @param {Generic} token */
  #table(token) {
    this.#count((token.rows.length + 1) * (token.header.length + 1));
    const row = (/** @type {"td"|"th"} */ tag, /** @type {Generic[]} */ cells) => {
      const tr = el("tr");
      for (const { text, align } of cells) {
        const cell = this.#worded(tag, text);
        if (align) cell.setAttribute("align", align);
        tr.append(cell);
      }
      return tr;
    };
    const body = el("tbody");
    for (const cells of token.rows) body.append(row("td", cells));
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
   * A definition is shown only where nothing uses it.
   * @param {Generic} token
   */
  #definition(token) {
    const line = el("p", { class: "definition", hidden: true });
    line.dataset.label = token.tag;
    line.dataset.href = token.href;
    this.#inlines(inlines(token.raw.trim()), line);
    return line;
  }

  /**
   * @param {string} text
   * @param {Node} parent
   */
  #words(text, parent) {
    this.#inlines(inlines(text, this.#define), parent);
  }

  /**
   * @param {import("./inline.js").Inline[]} parts
   * @param {Node} parent
   */
  #inlines(parts, parent) {
    for (const part of parts) {
      this.#count();
      parent.appendChild(this.#inline(part));
    }
  }

  /**
   * @param {import("./inline.js").Inline} part
   * @returns {Node}
   */
  #inline(part) {
    switch (part.type) {
      case "break":
        return el("br");
      case "code": {
        const code = el("code", { dir: "ltr" });
        appendText(code, part.text);
        return code;
      }
      case "formula":
        this.#count(part.text.length);
        return formula("span", part.text, part.isDisplay ?? false);
      case "em":
      case "strong":
      case "del": {
        const element = el(part.type);
        this.#inlines(part.children ?? [], element);
        return element;
      }
      case "link":
        return this.#link(part);
      default: {
        const fragment = document.createDocumentFragment();
        appendText(fragment, part.type === "entity" ? decoded(part.text) : part.text);
        return fragment;
      }
    }
  }

  /** @param {import("./inline.js").Inline} part */
  #link({ href = "", title, children = [] }) {
    const link = el("a", { href: href.trim(), dir: "auto", target: "_blank" });
    link.rel = "noopener noreferrer nofollow";
    if (title) link.title = title;
    this.#inlines(children, link);
    const host = otherHost(link.textContent ?? "", href);
    if (!host) return link;
    const fragment = document.createDocumentFragment();
    fragment.append(link, " ", el("bdi", { class: "host", dir: "ltr" }, `(${host})`));
    return fragment;
  }
}

/**
 * The box of a task stands in the paragraph that says it.
 * @param {HTMLElement} item
 */
function joinBox(item) {
  const [box, words] = item.childNodes;
  if (box instanceof Text && words instanceof HTMLElement && words.nodeName === "P") {
    words.prepend(box);
  }
}

/**
 * Gives a block the direction of its words. One without any goes as what is around it.
 * @template {HTMLElement} Element
 * @param {Element} element
 * @param {string} text
 */
function directed(element, text) {
  const words = text.slice(0, 2000).replace(/`[^`]*`|https?:\S+|<[^>]*>|\$[^$]*\$/g, " ");
  const direction = directionOf(words);
  if (direction !== "auto") element.dir = direction;
  return element;
}

/** @type {Map<string, string>} */
const entities = new Map();
const MOST_ENTITIES = 3000;

/**
 * The character an entity stands for. What is none is text.
 * @param {string} entity
 */
function decoded(entity) {
  const known = entities.get(entity);
  if (known !== undefined || entities.size > MOST_ENTITIES) return known ?? entity;
  const parsed = new DOMParser().parseFromString(`x${entity}`, "text/html");
  const read = parsed.body.textContent?.slice(1) ?? "";
  // Of a name that is none only the beginning may be read: `&notes;`.
  const text = read.length > 1 && read.endsWith(";") ? entity : read || entity;
  entities.set(entity, text);
  return text;
}
