/** A message of the user: stored, or still on its way. */
import { copyButton } from "./copy.js";
import { el } from "./dom.js";
import { icon } from "./icons.js";

/** A longer text is folded at first. */
const LONG = { characters: 3000, lines: 30 };

/** A message that is sent within this time never shows that it was not. */
const PATIENCE = 600;

/**
 * @typedef {object} Acts
 * @property {(id: string) => void} discard
 * @property {(id: string) => void} again
 * @property {(id: string) => void} edit puts it back into the composer
 */

export class UserMessage {
  element;
  #acts;
  #body = el("div", { class: "bubble", dir: "auto" });
  #tools;
  #note = el("div", { class: "message-note" });
  #text = "";
  /** @type {HTMLElement|null} */
  #more = null;
  #noted = "";
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;

  /** @param {Acts} acts */
  constructor(acts) {
    this.#acts = acts;
    this.#tools = el(
      "div",
      { class: "tools" },
      copyButton("Copy message", () => this.#text),
    );
    this.element = el(
      "article",
      { class: "message user", "aria-label": "You" },
      this.#body,
      this.#note,
      this.#tools,
    );
  }

  /**
   * @param {import("./store.js").Item} item
   * @param {boolean} isConnected
   */
  update(item, isConnected) {
    const { message, entry } = item;
    const text = message?.text ?? entry?.text ?? "";
    if (text !== this.#text) {
      this.#text = text;
      this.#body.textContent = text;
      this.#fold(text.length > LONG.characters || text.split("\n").length > LONG.lines);
    }
    this.element.classList.toggle("pending", Boolean(entry));
    this.#tools.hidden = Boolean(entry);
    const noted = entry ? `${entry.id} ${entry.problem} ${isConnected} ${entry.after}` : "";
    if (noted === this.#noted) return;
    this.#noted = noted;
    clearTimeout(this.#timer);
    if (!entry) this.#note.replaceChildren();
    else if (entry.problem || !isConnected) this.#explain(entry, isConnected);
    else this.#timer = setTimeout(() => this.#explain(entry, true), PATIENCE);
  }

  /** @param {boolean} isFolded */
  #fold(isFolded) {
    this.#body.classList.toggle("folded", isFolded);
    this.#more?.remove();
    this.#more = null;
    if (!isFolded) return;
    this.#more = tool("Show all", () => this.#fold(false));
    this.#body.after(this.#more);
  }

  /**
   * @param {import("./outbox.js").Entry} entry
   * @param {boolean} isConnected
   */
  #explain(entry, isConnected) {
    const { id, problem } = entry;
    this.#note.classList.toggle("danger", Boolean(problem));
    if (problem) {
      this.#note.replaceChildren(
        icon("alert"),
        el("span", {}, `Not sent. ${problem}`),
        tool("Try again", () => this.#acts.again(id)),
        tool("Edit", () => this.#acts.edit(id)),
        tool("Discard", () => this.#acts.discard(id)),
      );
    } else if (!isConnected) {
      this.#note.replaceChildren(
        icon("clock"),
        el("span", {}, "Sending when connected"),
        tool("Edit", () => this.#acts.edit(id)),
        tool("Discard", () => this.#acts.discard(id)),
      );
    } else {
      const waits = entry.after ? "Sent after the one before" : "Sending…";
      this.#note.replaceChildren(icon("clock"), el("span", {}, waits));
    }
  }
}

/**
 * @param {string} label
 * @param {() => void} act
 */
function tool(label, act) {
  return el("button", { class: "tool text", type: "button", onclick: act }, label);
}
