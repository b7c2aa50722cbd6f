/** A reply in the thread: its reasoning, its text as it grows, how it stands, how it ended. */
import { copyButton } from "./copy.js";
import { el, setText } from "./dom.js";
import { endText, factsOf, leftOutText, statusText, thoughtText, tokensText } from "./format.js";
import { icon } from "./icons.js";
import { hasEnded, offer } from "./reply.js";
import { StreamedMarkdown } from "./streamed.js";
import { isThinking, UNSEEN, watch } from "./thinking.js";

/**
 * @typedef {import("./reply.js").Reply} Reply
 *
 * @typedef {object} Acts
 * @property {(id: string) => void} stop
 * @property {(id: string) => void} resume Retry and Continue
 * @property {(id: string) => string} modelLabel
 * @property {(reply: Reply) => boolean} isFull
 * @property {(element: Element, draw: () => void) => void} whenNear
 */

export class ReplyMessage {
  element;
  #acts;
  #text = el("div", { class: "markdown", dir: "auto" });
  #thought = el("div", { class: "markdown", dir: "auto" });
  #summary = el("span", {}, "Thought");
  #leftOut = el("p", { class: "left-out", hidden: true });
  #details;
  #status = el("div", { class: "reply-status" });
  #note = el("p", { class: "reply-end" });
  #facts = el("span", { class: "facts" });
  #tools = el("span", { class: "tools" });
  #foot;
  #markdown = new StreamedMarkdown(this.#text);
  #thoughtMarkdown = new StreamedMarkdown(this.#thought);
  /** @type {Reply|null} */
  #reply = null;
  #isLast = false;
  /** As its message object says. */
  #leftOutCount = 0;
  #thinking = UNSEEN;
  /** Far from what is seen, an ended reply is plain text until it comes near. */
  #isNear = false;
  #isAsked = false;
  #offered = "";
  /** @type {ReturnType<typeof setInterval>|undefined} */
  #clock;

  /** @param {Acts} acts */
  constructor(acts) {
    this.#acts = acts;
    this.#details = el(
      "details",
      { class: "thought", hidden: true },
      el("summary", {}, this.#summary, icon("chevronDown")),
      this.#thought,
    );
    this.#details.addEventListener("toggle", () => this.#drawThought());
    this.#foot = el("div", { class: "reply-foot", hidden: true }, this.#tools, this.#facts);
    this.element = el(
      "article",
      { class: "message reply", "aria-label": "Reply" },
      this.#leftOut,
      this.#details,
      this.#text,
      this.#status,
      this.#note,
      this.#foot,
    );
  }

  /** @param {import("./store.js").Item} item */
  update(item) {
    this.#leftOutCount = item.message?.left_out ?? 0;
    if (!item.reply) return;
    this.show(item.reply, item.isLast ?? false);
    this.#drawLeftOut(item.reply);
  }

  /**
   * @param {Reply} reply
   * @param {boolean} [isLast]
   */
  show(reply, isLast = this.#isLast) {
    if (reply === this.#reply && isLast === this.#isLast) return;
    if (reply.status !== this.#reply?.status) this.#isAsked = false;
    this.#thinking = watch(this.#thinking, this.#reply, reply, Date.now());
    this.#reply = reply;
    this.#isLast = isLast;
    this.#drawText();
    this.#drawThought();
    this.#drawStatus();
    this.#drawEnd();
  }

  #drawText() {
    const reply = /** @type {Reply} */ (this.#reply);
    this.element.classList.toggle("growing", isGrowing(reply));
    this.element.setAttribute("aria-busy", String(isGrowing(reply)));
    if (!this.#isNear && reply.end && reply.length > 0) {
      if (this.#text.textContent !== reply.text) {
        this.#text.textContent = reply.text;
        this.#text.classList.add("unread");
        this.#acts.whenNear(this.element, () => this.#comeNear());
      }
      return;
    }
    this.#comeNear();
  }

  #comeNear() {
    const reply = /** @type {Reply} */ (this.#reply);
    // What another attempt has said stays until this one has its first words.
    if (hasNoWords(reply)) return;
    if (!this.#isNear) {
      this.#isNear = true;
      this.#text.replaceChildren();
      this.#text.classList.remove("unread");
    }
    this.#markdown.set(reply.text, !isGrowing(reply));
  }

  #drawThought() {
    const reply = /** @type {Reply} */ (this.#reply);
    this.#details.hidden = reply.reasoningLength === 0;
    const isUnderWay = isThinking(reply);
    const ms = reply.end?.timing?.reasoning_ms ?? this.#thinking.ms;
    setText(this.#summary, isUnderWay ? "Thinking…" : thoughtText(ms));
    this.#details.classList.toggle("thinking", isUnderWay);
    // Folded, it costs nothing.
    if (this.#details.open) this.#thoughtMarkdown.set(reply.reasoning, !isUnderWay);
  }

  /** @param {Reply} reply */
  #drawLeftOut(reply) {
    const count = reply.end?.left_out ?? this.#leftOutCount;
    this.#leftOut.hidden = count === 0;
    setText(this.#leftOut, count ? leftOutText(count) : "");
  }

  #drawStatus() {
    const reply = /** @type {Reply} */ (this.#reply);
    clearInterval(this.#clock);
    const text = statusText(reply, Date.now());
    const isWaiting = hasNoWords(reply);
    if (!text && !isWaiting) return this.#status.replaceChildren();
    const words = el("span", {}, text);
    /** @type {Node[]} */
    const parts = [];
    if (reply.status === "queued" && text) parts.push(icon("clock"), words);
    else if (text) parts.push(icon("retry"), words);
    const isTold = text && (reply.status === "queued" || reply.retryAt);
    if (isWaiting && !isTold) parts.push(dots());
    if (reply.status === "queued" && reply.reason === "behind") {
      parts.push(this.#tool("Cancel", () => this.#acts.stop(reply.id)));
    }
    this.#status.replaceChildren(...parts);
    if (text && reply.retryAt) {
      this.#clock = setInterval(() => setText(words, statusText(reply, Date.now())), 500);
    }
  }

  #drawEnd() {
    const reply = /** @type {Reply} */ (this.#reply);
    const ending = endText(reply);
    this.#note.hidden = !ending;
    this.#note.className = `reply-end ${ending?.tone ?? ""}`;
    this.#note.replaceChildren(
      ...(ending ? [ending.tone === "danger" ? icon("alert") : "", ending.text] : []),
    );
    this.#drawLeftOut(reply);
    this.#foot.hidden = !reply.end;
    if (!reply.end) {
      this.#offered = "";
      return;
    }
    const label = this.#acts.modelLabel(reply.model ?? "");
    setText(this.#facts, factsOf(reply, label).join("  ·  "));
    this.#facts.title = tokensText(reply.end.usage);
    this.#drawTools(reply);
  }

  /** @param {Reply} reply */
  #drawTools(reply) {
    const isOpen = this.#isLast && !this.#acts.isFull(reply);
    const what = isOpen ? offer(reply.status, reply.end?.finish_reason) : null;
    const offered = `${what} ${this.#isAsked} ${reply.length > 0}`;
    if (offered === this.#offered) return;
    this.#offered = offered;
    this.#tools.replaceChildren();
    if (what) {
      // Where there is no text yet, there is nothing to continue.
      const isRetry = what === "retry" || reply.length === 0;
      const label = isRetry ? "Retry" : "Continue";
      const button = this.#tool(label, () => {
        this.#isAsked = true;
        this.#acts.resume(reply.id);
        this.#drawTools(reply);
      });
      button.classList.add("offered");
      button.disabled = this.#isAsked;
      button.prepend(icon(isRetry ? "retry" : "play"));
      this.#tools.append(button);
    }
    if (reply.length > 0) {
      this.#tools.append(copyButton("Copy reply", () => this.#reply?.text ?? ""));
    }
  }

  /**
   * @param {string} label
   * @param {() => void} act
   */
  #tool(label, act) {
    return el("button", { class: "tool text", type: "button", onclick: act }, label);
  }

  /** It is no longer shown. */
  remove() {
    clearInterval(this.#clock);
    this.element.remove();
  }
}

/** @param {Reply} reply */
function isGrowing(reply) {
  return reply.end === null && !hasEnded(reply.status);
}

/**
 * Whether an attempt runs, or waits to run, that has said nothing yet.
 * @param {Reply} reply
 */
function hasNoWords(reply) {
  return isGrowing(reply) && reply.length === 0 && reply.reasoningLength === 0;
}

function dots() {
  return el(
    "span",
    { class: "dots", role: "img", "aria-label": "Waiting for the first words" },
    el("span"),
    el("span"),
    el("span"),
  );
}
