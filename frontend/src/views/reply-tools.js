/** Buttons of an ended reply: continue, retry, copy, regenerate. */

import { copyButton } from "../lib/copy.js";
import { el } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { t } from "../lib/translate.js";
import { offer } from "../state/reply.js";

/**
 * @typedef {import("../state/reply.js").Reply} Reply
 *
 * @typedef {object} Acts
 * @property {(id: string) => void} resume Retry and Continue
 * @property {(id: string) => void} regenerate
 * @property {(reply: Reply, button: HTMLElement, isRetry: boolean) => void} chooseModel for another
 *   version, or to try again
 * @property {() => boolean} hasModels to choose from
 * @property {(reply: Reply) => boolean} isFull
 * @property {(id: string) => void} discard
 */

export class ReplyTools {
  element = el("span", { class: "tools" });
  #acts;
  /** @type {Reply|null} */
  #reply = null;
  #isAsked = false;
  #drawn = "";

  /** @param {Acts} acts */
  constructor(acts) {
    this.#acts = acts;
  }

  /**
   * @param {Reply} reply
   * @param {{isLast: boolean, entry: import("../state/outbox.js").Entry|undefined, isConnected: boolean}}
   *   more `entry`: another version of it is asked for
   */
  update(reply, { isLast, entry, isConnected }) {
    if (reply.status !== this.#reply?.status) this.#isAsked = false;
    this.#reply = reply;
    const isOpen = isLast && !this.#acts.isFull(reply);
    const what = reply.end && isOpen ? offer(reply.status, reply.end.finish_reason) : null;
    const facts = [reply.length > 0, this.#acts.hasModels(), entry?.id, !entry || isConnected];
    const drawn = reply.end ? [what, this.#isAsked, ...facts].join(" ") : "";
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.element.replaceChildren();
    if (!reply.end) return;
    // A reply without text cannot be continued.
    const isRetry = what === "retry" || (what !== null && reply.length === 0);
    if (what) this.element.append(this.#resume(reply, isRetry));
    // A reply with *Retry* has no *Regenerate* besides.
    if (isRetry && !entry) this.element.append(...this.#others(reply, true));
    if (reply.length > 0) {
      this.element.append(copyButton(t("Copy reply"), () => this.#reply?.text ?? ""));
    }
    if (!entry) this.element.append(...(isRetry ? [] : this.#again(reply)));
    else if (isConnected) this.element.append(words(t("Regenerating…")));
    else {
      const cancel = el("button", { class: "tool text", type: "button" }, t("Cancel"));
      cancel.addEventListener("click", () => this.#acts.discard(entry.id));
      this.element.append(words(t("Will regenerate when connected")), cancel);
    }
  }

  /**
   * @param {Reply} reply
   * @param {boolean} isRetry
   */
  #resume(reply, isRetry) {
    const button = el("button", { class: "tool text offered", type: "button" });
    button.append(icon(isRetry ? "retry" : "play"), isRetry ? t("Retry") : t("Continue"));
    button.disabled = this.#isAsked;
    button.addEventListener("click", () => {
      this.#isAsked = true;
      button.disabled = true;
      this.#acts.resume(reply.id);
    });
    return button;
  }

  /** @param {Reply} reply */
  #again(reply) {
    const again = el("button", { class: "tool", type: "button", title: t("Regenerate") });
    again.append(icon("refresh"), el("span", { class: "tool-word" }, t("Regenerate")));
    again.addEventListener("click", () => this.#acts.regenerate(reply.id));
    return [el("span", { class: "tool-pair" }, again, ...this.#others(reply, false))];
  }

  /**
   * The button to choose another model.
   * @param {Reply} reply
   * @param {boolean} isRetry
   */
  #others(reply, isRetry) {
    if (!this.#acts.hasModels()) return [];
    const label = isRetry ? t("Retry with another model") : t("Regenerate with another model");
    const other = el("button", {
      class: "tool other-model",
      type: "button",
      title: label,
      "aria-label": label,
      "aria-haspopup": "menu",
      "aria-expanded": "false",
    });
    other.disabled = isRetry && this.#isAsked;
    other.append(icon("chevronDown"));
    other.addEventListener("click", () => this.#acts.chooseModel(reply, other, isRetry));
    return [other];
  }
}

/** @param {string} text */
const words = (text) => el("span", { class: "asked", role: "status" }, text);
