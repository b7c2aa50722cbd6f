/** The editor of a message, in its place. */

import { el } from "../lib/dom.js";
import { t } from "../lib/translate.js";

/** Drafts are kept this long after the last key. */
const REST = 300;

/**
 * @typedef {object} Ways
 * @property {(text: string) => boolean} save says whether the text was taken
 * @property {() => void} cancel
 * @property {(text: string) => void} draft keeps what is written
 */

export class MessageEditor {
  element;
  #area = el("textarea", { "aria-label": t("Your message"), rows: 1, dir: "auto" });
  #save = el("button", { class: "button button-primary" });
  #ways;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;

  /**
   * @param {string} text
   * @param {Ways} ways
   */
  constructor(text, ways) {
    this.#ways = ways;
    this.#area.value = text;
    const cancel = el("button", { class: "button button-quiet", type: "button" }, t("Cancel"));
    cancel.addEventListener("click", () => this.#cancel());
    this.element = el(
      "form",
      { class: "editor" },
      this.#area,
      el("div", { class: "actions actions-end" }, cancel, this.#save),
    );
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#area.addEventListener("keydown", (event) => this.#key(event));
    this.#area.addEventListener("input", () => {
      this.#show();
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.keep(), REST);
    });
  }

  /** @param {string} action the effect of saving */
  update(action) {
    if (this.#save.textContent !== action) this.#save.textContent = action;
    this.#show();
  }

  focus() {
    this.#area.focus({ preventScroll: true });
    this.#area.setSelectionRange(this.#area.value.length, this.#area.value.length);
    this.element.scrollIntoView({ block: "nearest" });
  }

  /** Keeps the draft now, where one is due. */
  keep() {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#ways.draft(this.#area.value);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    // While an input method composes, its keys are not ours.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.#cancel();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.#submit();
    }
  }

  #cancel() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#ways.draft("");
    this.#ways.cancel();
  }

  #submit() {
    const text = this.#area.value;
    if (!text.trim()) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#ways.save(text)) this.#ways.draft(text);
  }

  #show() {
    this.#save.disabled = !this.#area.value.trim();
    this.#area.style.height = "auto";
    this.#area.style.height = `${this.#area.scrollHeight + 2}px`;
  }
}
