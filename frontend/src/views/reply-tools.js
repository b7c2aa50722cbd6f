/** Buttons of an ended reply: continue or retry, in words; copy, regenerate and more, as icons. */

import { copyButton } from "../lib/copy.js";
import { el } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { t } from "../lib/translate.js";
import { offer } from "../state/reply.js";

/**
 * @typedef {import("../state/reply.js").Reply} Reply
 *
 * @typedef {import("../protocol.js").FeedbackObject} Feedback
 *
 * @typedef {object} Acts
 * @property {(id: string) => void} resume Retry and Continue
 * @property {(id: string) => void} regenerate
 * @property {(reply: Reply, button: HTMLElement, isRetry: boolean) => void} chooseModel for another
 *   version, or to try again
 * @property {() => boolean} hasModels to choose from
 * @property {(reply: Reply) => boolean} isFull
 * @property {(id: string) => void} discard
 * @property {(id: string) => Promise<void>} branch
 * @property {(id: string, thumb: "up"|"down", given: Feedback|null) => void} feedback gives, or
 *   changes it
 * @property {(button: HTMLElement, about: {facts: string, plain: string}) => void} more opens the
 *   menu of what is seldom wanted; `plain` is the text as it is seen
 */

export class ReplyTools {
  element = el("span", { class: "tools" });
  #acts;
  /** @type {Reply|null} */
  #reply = null;
  #isAsked = false;
  #drawn = "";
  /** @type {Feedback|null} */
  #feedback = null;
  /** @type {Map<string, HTMLElement>} */
  #thumbs = new Map();

  #about;

  /**
   * @param {Acts} acts
   * @param {() => {facts: string, plain: string}} about the reply that is shown
   */
  constructor(acts, about) {
    this.#acts = acts;
    this.#about = about;
  }

  /**
   * @param {Reply} reply
   * @param {{isLast: boolean, entry: import("../state/outbox.js").Entry|undefined, isConnected: boolean,
   *   feedback: Feedback|null}} more `entry`: another version of it is asked for
   */
  update(reply, { isLast, entry, isConnected, feedback }) {
    if (reply.status !== this.#reply?.status) this.#isAsked = false;
    this.#reply = reply;
    this.#feedback = feedback;
    this.#press();
    const isOpen = isLast && !this.#acts.isFull(reply);
    const what = reply.end && isOpen ? offer(reply.status, reply.end.finish_reason) : null;
    const facts = [
      reply.length > 0,
      this.#acts.hasModels(),
      entry?.id,
      !entry || isConnected,
      feedback?.thumb,
    ];
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
    if (!entry) {
      if (!isRetry) this.element.append(...this.#again(reply));
      if (reply.length > 0) this.element.append(this.#branch(reply));
      this.element.append(this.#thumb(reply, "up"), this.#thumb(reply, "down"));
      this.#press();
      this.element.append(this.#more());
    } else if (isConnected) this.element.append(words(t("Regenerating…")));
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
    const again = iconTool(t("Regenerate"), "refresh");
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
    const other = menuTool(label, "chevronDown");
    other.classList.add("other-model");
    other.disabled = isRetry && this.#isAsked;
    other.addEventListener("click", () => this.#acts.chooseModel(reply, other, isRetry));
    return [other];
  }

  /** The buttons stay, and with them the focus. */
  #press() {
    for (const [thumb, button] of this.#thumbs) {
      button.setAttribute("aria-pressed", String(this.#feedback?.thumb === thumb));
    }
  }

  /**
   * @param {Reply} reply
   * @param {"up"|"down"} thumb
   */
  #thumb(reply, thumb) {
    const button = iconTool(thumb === "up" ? t("Good reply") : t("Bad reply"), thumb);
    this.#thumbs.set(thumb, button);
    button.addEventListener("click", () => this.#acts.feedback(reply.id, thumb, this.#feedback));
    return button;
  }

  /** @param {Reply} reply */
  #branch(reply) {
    const button = iconTool(t("Branch from here"), "branch");
    button.addEventListener("click", async () => {
      button.disabled = true;
      await this.#acts.branch(reply.id);
      button.disabled = false;
    });
    return button;
  }

  #more() {
    const more = menuTool(t("More"), "more");
    more.addEventListener("click", () => this.#acts.more(more, this.#about()));
    return more;
  }
}

/**
 * A button without words: its label is shown by the style sheet.
 * @param {string} label
 * @param {import("../lib/icons.js").IconName} name
 */
function iconTool(label, name) {
  const button = el("button", { class: "tool", type: "button", "aria-label": label });
  button.append(icon(name));
  return button;
}

/**
 * @param {string} label
 * @param {import("../lib/icons.js").IconName} name
 */
function menuTool(label, name) {
  const button = iconTool(label, name);
  button.setAttribute("aria-haspopup", "menu");
  button.setAttribute("aria-expanded", "false");
  return button;
}

/** @param {string} text */
const words = (text) => el("span", { class: "asked", role: "status" }, text);
