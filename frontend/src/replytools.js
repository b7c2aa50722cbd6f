/** What can be done with an ended reply: go on, copy it, have it written again. */
import { copyButton } from "./copy.js";
import { el } from "./dom.js";
import { icon } from "./icons.js";
import { offer } from "./reply.js";

/**
 * @typedef {import("./reply.js").Reply} Reply
 *
 * @typedef {object} Acts
 * @property {(id: string) => void} resume Retry and Continue
 * @property {(id: string) => void} regenerate
 * @property {(reply: Reply, button: HTMLElement) => void} chooseModel for another version
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
   * @param {{isLast: boolean, entry: import("./outbox.js").Entry|undefined, isConnected: boolean}}
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
    if (what) this.element.append(this.#resume(reply, what));
    if (reply.length > 0) {
      this.element.append(copyButton("Copy reply", () => this.#reply?.text ?? ""));
    }
    if (!entry) this.element.append(...this.#again(reply));
    else if (isConnected) this.element.append(words("Writing another version…"));
    else {
      const cancel = el("button", { class: "tool text", type: "button" }, "Cancel");
      cancel.addEventListener("click", () => this.#acts.discard(entry.id));
      this.element.append(words("Another version when connected"), cancel);
    }
  }

  /**
   * @param {Reply} reply
   * @param {"retry"|"continue"} what
   */
  #resume(reply, what) {
    // Where there is no text yet, there is nothing to continue.
    const isRetry = what === "retry" || reply.length === 0;
    const button = el("button", { class: "tool text offered", type: "button" });
    button.append(icon(isRetry ? "retry" : "play"), isRetry ? "Retry" : "Continue");
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
    const again = el("button", { class: "tool", type: "button", title: "Another version" });
    again.append(icon("refresh"), el("span", { class: "tool-word" }, "Regenerate"));
    again.addEventListener("click", () => this.#acts.regenerate(reply.id));
    if (!this.#acts.hasModels()) return [again];
    const other = el("button", {
      class: "tool other-model",
      type: "button",
      title: "Another version by a model of your choice",
      "aria-label": "Regenerate with a model",
      "aria-haspopup": "menu",
      "aria-expanded": "false",
    });
    other.append(icon("chevronDown"));
    other.addEventListener("click", () => this.#acts.chooseModel(reply, other));
    return [again, other];
  }
}

/** @param {string} text */
const words = (text) => el("span", { class: "asked", role: "status" }, text);
