/**
 * A growing Markdown text on the page. Closed blocks keep their DOM; only the open ones are made
 * anew, at most once per animation frame, and less often where that takes long. The end is a full
 * parse, of which equal blocks stay as they are.
 */
import { cut, lex, openFence } from "./blocks.js";
import { plain, renderTokens } from "./markdown.js";

/** What a frame may cost, in ms, before the next ones are left out. */
const BUDGET = 8;

/** Nobody reads faster than this changes, in ms. */
const REST = 40;

/** @typedef {{raw: string, nodes: ChildNode[]}} Block */

export class StreamedMarkdown {
  #element;
  #text = "";
  #drawn = "";
  #isDone = false;
  #isScheduled = false;
  #isFinished = false;
  /** Where in the text the open blocks begin, in UTF-16 units. */
  #openAt = 0;
  /** @type {Block[]} */
  #closed = [];
  /** @type {Block[]} */
  #open = [];
  /** The text of a code block that is not closed yet: it only grows. @type {Text|null} */
  #fence = null;
  /** The last text of the last block, where words can be added to it. @type {Text|null} */
  #words = null;
  #cost = 0;
  #drawnAt = 0;

  /** @param {HTMLElement} element to be filled; nothing else may be in it */
  constructor(element) {
    this.#element = element;
  }

  /**
   * @param {string} text the whole text
   * @param {boolean} isDone whether it has its end
   */
  set(text, isDone) {
    if (text.includes("\r")) text = text.replace(/\r\n?/g, "\n");
    if (text === this.#text && isDone === this.#isDone) return;
    this.#text = text;
    this.#isDone = isDone;
    if (this.#isScheduled) return;
    if (isDone && this.#drawn === "") return this.#draw();
    this.#isScheduled = true;
    // Long work takes an eighth of the time at most.
    const rest = this.#cost > BUDGET ? this.#cost * 8 : REST;
    const left = isDone ? 0 : this.#drawnAt + rest - performance.now();
    if (left > 0) setTimeout(() => requestAnimationFrame(() => this.#frame()), left);
    else requestAnimationFrame(() => this.#frame());
  }

  #frame() {
    this.#isScheduled = false;
    const start = performance.now();
    this.#draw();
    this.#drawnAt = performance.now();
    this.#cost = this.#drawnAt - start;
  }

  #draw() {
    const text = this.#text;
    // A text that goes on after its end has no open block to go on in.
    if (!text.startsWith(this.#drawn) || (this.#isFinished && !this.#isDone)) this.#reset();
    this.#isFinished = this.#isDone;
    try {
      if (this.#isDone) this.#finish(text);
      else if (!this.#growFence(text) && !this.#growWords(text)) this.#grow(text);
    } catch (problem) {
      this.#reset();
      this.#element.replaceChildren(plain(text, problem));
    }
    this.#drawn = text;
  }

  #reset() {
    this.#element.replaceChildren();
    this.#drawn = "";
    this.#openAt = 0;
    this.#closed = [];
    this.#open = [];
    this.#fence = null;
    this.#words = null;
  }

  /**
   * Within an open code block nothing has to be parsed: its text gets longer.
   * @param {string} text
   * @returns {boolean} whether that was all
   */
  #growFence(text) {
    if (!this.#fence) return false;
    const added = text.slice(this.#drawn.length);
    const line = text.slice(this.#drawn.lastIndexOf("\n") + 1);
    if (/^ {0,3}(?:`{3,}|~{3,})[ \t]*$/m.test(line)) return false;
    this.#fence.appendData(added);
    return true;
  }

  /**
   * Words without anything that Markdown could read as more than words go to the end of the last
   * text. Should they yet turn out to be more, the next parse of the block says so.
   * @param {string} text
   * @returns {boolean} whether that was all
   */
  #growWords(text) {
    const added = text.slice(this.#drawn.length);
    if (!this.#words || !/^[\p{L}\p{M}\p{N} .,:;?()'"’“”–—-]+$/u.test(added)) return false;
    // An address would become a link.
    if (/(?:www\.|:\/|@)\S*$/.test(this.#drawn.slice(-80) + added)) return false;
    // A space at the end of a block is not shown, until something follows it.
    const space = /[^\s] +$/.test(this.#drawn) && !/\s$/.test(this.#words.data) ? " " : "";
    this.#words.appendData(space + added);
    return true;
  }

  /** @param {string} text */
  #grow(text) {
    const { closed, open, rest } = cut(text.slice(this.#openAt));
    const before = this.#open;
    const tokens = [...closed, ...open];
    let same = 0;
    while (same < before.length && before[same]?.raw === tokens[same]?.raw) same += 1;
    this.#fence = null;
    for (const { nodes } of before.slice(same)) for (const node of nodes) node.remove();
    const blocks = before.slice(0, same);
    for (const token of tokens.slice(same)) blocks.push(this.#append([token], token.raw));
    this.#closed.push(...blocks.slice(0, closed.length));
    this.#open = blocks.slice(closed.length);
    this.#openAt = text.length - rest.length;
    const last = this.#open.at(-1);
    for (const { nodes } of blocks) mark(nodes, false);
    if (last) mark(last.nodes, true);
    this.#fence = this.#findFence(open);
    this.#words = this.#fence ? null : wordsAtEnd(open.at(-1), this.#element, text);
  }

  /**
   * @param {import("marked").Token[]} open
   * @returns {Text|null}
   */
  #findFence(open) {
    const last = open.at(-1);
    const fence = last?.type === "code" ? openFence(last.raw) : null;
    if (!fence) return null;
    const code = this.#element.lastElementChild?.querySelector("pre > code");
    if (!code) return null;
    const node = document.createTextNode(fence.code);
    code.replaceChildren(node);
    return node;
  }

  /**
   * @param {import("marked").Token[]} tokens
   * @param {string} raw
   * @returns {Block}
   */
  #append(tokens, raw) {
    const fragment = renderTokens(tokens);
    const nodes = [...fragment.childNodes];
    this.#element.append(fragment);
    return { raw, nodes };
  }

  /** @param {string} text */
  #finish(text) {
    const tokens = lex(text);
    // A link's address may be defined at the end: then earlier blocks read differently now.
    const isDefined = Object.keys(tokens.links ?? {}).length > 0;
    let same = 0;
    while (!isDefined && same < this.#closed.length) {
      if (this.#closed[same]?.raw !== tokens[same]?.raw) break;
      same += 1;
    }
    const others = [...this.#closed.splice(same), ...this.#open.splice(0)];
    for (const { nodes } of others) for (const node of nodes) node.remove();
    this.#fence = null;
    this.#words = null;
    for (const token of tokens.slice(same)) this.#closed.push(this.#append([token], token.raw));
    this.#openAt = text.length;
  }
}

/**
 * Marks what still changes: it is not worth colouring yet.
 * @param {ChildNode[]} nodes
 * @param {boolean} isOpen
 */
function mark(nodes, isOpen) {
  for (const node of nodes) {
    if (!(node instanceof HTMLElement)) continue;
    if (isOpen) node.dataset.open = "";
    else delete node.dataset.open;
  }
}

const WORDY = new Set(["paragraph", "list", "blockquote", "heading"]);
const BLOCKS = new Set(["P", "UL", "OL", "LI", "BLOCKQUOTE", "H2", "H3", "H4", "H5", "H6"]);

/**
 * The text node in which a block ends, where it ends in a text of its own: not in code, a link or
 * a line that was just broken.
 * @param {import("marked").Token|undefined} token
 * @param {Element} element
 * @param {string} text
 * @returns {Text|null}
 */
function wordsAtEnd(token, element, text) {
  if (!token || !WORDY.has(token.type) || text.endsWith("\n")) return null;
  // Too short to say what it becomes: a list, a heading, a rule.
  if (text.slice(text.lastIndexOf("\n") + 1).trim().length < 8) return null;
  /** @type {Node|null} */
  let node = element.lastChild;
  while (node) {
    if (node instanceof Text) {
      if (node.data.trim()) return node;
      node = node.previousSibling;
    } else if (BLOCKS.has(node.nodeName)) node = node.lastChild;
    else return null;
  }
  return null;
}
