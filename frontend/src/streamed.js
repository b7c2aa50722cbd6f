/**
 * A growing Markdown text on the page. Closed blocks keep their DOM; only the open ones are made
 * anew, at most once per animation frame, and less often where that takes long. The end is a full
 * parse, of which equal blocks stay as they are.
 */
import { cut, lex, openFence } from "./blocks.js";
import { plain, renderTokens } from "./markdown.js";

/** What a frame may cost, in ms, before the next ones are left out. */
const BUDGET = 8;

/** @typedef {{raw: string, nodes: ChildNode[]}} Block */

export class StreamedMarkdown {
  #element;
  #text = "";
  #drawn = "";
  #isDone = false;
  #isScheduled = false;
  /** Where in the text the open blocks begin, in UTF-16 units. */
  #openAt = 0;
  /** @type {Block[]} */
  #closed = [];
  /** @type {ChildNode[]} */
  #open = [];
  /** The text of a code block that is not closed yet: it only grows. @type {Text|null} */
  #fence = null;
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
    requestAnimationFrame((now) => this.#frame(now));
  }

  /** @param {number} now */
  #frame(now) {
    // Long work takes an eighth of the time at most.
    if (!this.#isDone && this.#cost > BUDGET && now - this.#drawnAt < this.#cost * 8) {
      requestAnimationFrame((later) => this.#frame(later));
      return;
    }
    this.#isScheduled = false;
    const start = performance.now();
    this.#draw();
    this.#cost = performance.now() - start;
    this.#drawnAt = now;
  }

  #draw() {
    const text = this.#text;
    if (!text.startsWith(this.#drawn)) this.#reset();
    try {
      if (this.#isDone) this.#finish(text);
      else if (!this.#growFence(text)) this.#grow(text);
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

  /** @param {string} text */
  #grow(text) {
    const { closed, open, rest } = cut(text.slice(this.#openAt));
    this.#removeOpen();
    for (const token of closed) this.#closed.push(this.#append([token], token.raw));
    this.#openAt = text.length - rest.length;
    this.#open = this.#append(open, rest).nodes;
    for (const node of this.#open) if (node instanceof HTMLElement) node.dataset.open = "";
    this.#fence = this.#findFence(open);
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

  #removeOpen() {
    for (const node of this.#open) node.remove();
    this.#open = [];
    this.#fence = null;
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
    this.#removeOpen();
    for (const { nodes } of this.#closed.splice(same)) for (const node of nodes) node.remove();
    for (const token of tokens.slice(same)) this.#closed.push(this.#append([token], token.raw));
    this.#openAt = text.length;
  }
}
