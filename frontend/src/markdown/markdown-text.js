/**
 * Markdown on the page. The modules that draw it are loaded once the page works, or with the first
 * text. Until then, and where they cannot be loaded, a text is shown as it was written.
 */
import { Awaited } from "../lib/awaited.js";
import { GrowingText } from "../lib/chunks.js";

const drawing = new Awaited(() => import("./streaming-markdown.js"), drawAll);

/** Loads what draws Markdown, before a text needs it. */
export const loadMarkdown = () => drawing.want();

/** Texts that are shown as they were written. @type {Set<MarkdownText>} */
const waiting = new Set();

function drawAll() {
  for (const text of waiting) text.draw();
  waiting.clear();
}

export class MarkdownText {
  #element;
  #level;
  #text = "";
  #isDone = false;
  /** @type {import("./streaming-markdown.js").StreamingMarkdown|null} */
  #drawn = null;
  /** @type {GrowingText|null} */
  #plain = null;

  /**
   * @param {HTMLElement} element to be filled; nothing else may be in it
   * @param {number} level of the first heading
   */
  constructor(element, level) {
    this.#element = element;
    this.#level = level;
  }

  /**
   * @param {string} text the whole text
   * @param {boolean} isDone true if it has its end
   */
  set(text, isDone) {
    const before = this.#text;
    this.#text = text;
    this.#isDone = isDone;
    if (drawing.part) return this.draw();
    if (this.#plain && text.startsWith(before)) this.#plain.append(text.slice(before.length));
    else this.#plain = new GrowingText(this.#element, text);
    this.#element.classList.add("unread");
    waiting.add(this);
    drawing.want();
  }

  /** Draws the text as Markdown. */
  draw() {
    if (!drawing.part) return;
    if (!this.#drawn) {
      this.#plain = null;
      this.#element.replaceChildren();
      this.#element.classList.remove("unread");
      this.#drawn = new drawing.part.StreamingMarkdown(this.#element, { level: this.#level });
    }
    this.#drawn.set(this.#text, this.#isDone);
  }
}
