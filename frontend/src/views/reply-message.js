/** A reply in the thread: reasoning, growing text, state and outcome. */

import { fillInTime } from "../lib/chunks.js";
import { el, setText } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { t } from "../lib/translate.js";
import { isolated } from "../lib/visible-text.js";
import { MarkdownText } from "../markdown/markdown-text.js";
import { hasEnded } from "../state/reply.js";
import { isThinking, UNSEEN, watch } from "../state/thinking.js";
import {
  endText,
  factsOf,
  leftOutText,
  statusText,
  thinkingText,
  thoughtText,
  tokensText,
} from "./format.js";
import { messageHeading } from "./message-heading.js";
import { Moment } from "./moment.js";
import { ReplyTools } from "./reply-tools.js";
import { VersionSwitch } from "./versions.js";

/**
 * @typedef {import("../state/reply.js").Reply} Reply
 *
 * @typedef {object} OwnActs
 * @property {(id: string) => void} stop
 * @property {(id: string, isForward: boolean) => void} version
 * @property {(id: string) => string} modelLabel
 * @property {(element: Element, draw: () => void) => void} whenNear
 *
 * @typedef {OwnActs & import("./reply-tools.js").Acts} Acts
 */

/** The first headings of a reply: the title of the conversation and the message come before. */
const LEVEL = 3;

export class ReplyMessage {
  element;
  #acts;
  #text = el("div", { class: "markdown", dir: "auto" });
  #thought = el("div", { class: "markdown", dir: "auto" });
  #summary = el("span");
  #leftOut = el("p", { class: "left-out", hidden: true });
  #details;
  #status = el("div", { class: "reply-status" });
  #note = el("p", { class: "reply-end" });
  #facts = el("span", { class: "facts" });
  #factsDrawn = "";
  #moment = new Moment();
  #versions;
  #tools;
  #foot;
  #markdown = new MarkdownText(this.#text, LEVEL);
  #thoughtMarkdown = new MarkdownText(this.#thought, LEVEL);
  /** @type {Reply|null} */
  #reply = null;
  #isLast = false;
  /** The number in the message object. */
  #leftOutCount = 0;
  #thinking = UNSEEN;
  /** Far from what is seen, an ended reply is plain text until it comes near. */
  #isNear = false;
  /** The text shown so. */
  #unread = "";
  /** The command about it. @type {import("../state/outbox.js").Entry|undefined} */
  #entry;
  #isConnected = true;
  /** @type {import("../protocol.js").FeedbackObject|null} */
  #feedback = null;
  /** @type {ReturnType<typeof setInterval>|undefined} */
  #clock;
  /** @type {ReturnType<typeof setInterval>|undefined} */
  #thinkingClock;

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
    this.#versions = new VersionSwitch(acts.version);
    this.#tools = new ReplyTools(acts, () => ({
      facts: [this.#moment.text, this.#facts.textContent].filter(Boolean).join(" · "),
      plain: this.#text.innerText,
    }));
    this.#foot = el("div", { class: "reply-foot", hidden: true });
    this.#foot.append(
      this.#versions.element,
      this.#tools.element,
      this.#facts,
      this.#moment.element,
    );
    this.element = el(
      "article",
      { class: "message reply", "aria-label": t("Reply") },
      messageHeading(t("Reply")),
      this.#leftOut,
      this.#details,
      this.#text,
      this.#status,
      this.#note,
      this.#foot,
    );
  }

  /**
   * @param {import("../state/thread-items.js").Item} item
   * @param {boolean} isConnected
   */
  update(item, isConnected) {
    this.#leftOutCount = item.message?.left_out ?? 0;
    this.#moment.update(item.message?.created);
    this.#feedback = item.message?.feedback ?? null;
    if (!item.reply) return;
    this.#entry = item.entry;
    this.#isConnected = isConnected;
    this.#versions.update(item.place);
    this.show(item.reply, item.isLast ?? false);
    this.#drawFoot(item.reply);
    this.#drawLeftOut(item.reply);
  }

  /**
   * @param {Reply} reply
   * @param {boolean} [isLast]
   */
  show(reply, isLast = this.#isLast) {
    if (reply === this.#reply && isLast === this.#isLast) return;
    this.#thinking = watch(this.#thinking, this.#reply, reply, Date.now());
    this.#reply = reply;
    this.#isLast = isLast;
    this.element.classList.toggle("last", isLast);
    this.#drawText();
    this.#drawThought();
    this.#drawStatus();
    this.#drawEnd();
  }

  /** @param {boolean} isForward */
  focusVersion(isForward) {
    this.#versions.focus(isForward);
  }

  #drawText() {
    const reply = /** @type {Reply} */ (this.#reply);
    this.element.classList.toggle("growing", isGrowing(reply));
    this.element.setAttribute("aria-busy", String(isGrowing(reply)));
    if (!this.#isNear && reply.end && reply.length > 0) {
      if (this.#unread !== reply.text) {
        this.#unread = reply.text;
        const { text } = reply;
        fillInTime(this.#text, text, () => this.#unread === text);
        this.#text.classList.add("unread");
        this.#acts.whenNear(this.element, () => this.#comeNear());
      }
      return;
    }
    this.#comeNear();
  }

  #comeNear() {
    const reply = /** @type {Reply} */ (this.#reply);
    // The text of another attempt stays until this one has its first words.
    if (hasNoWords(reply)) return;
    if (!this.#isNear) {
      this.#isNear = true;
      this.#unread = "";
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
    clearInterval(this.#thinkingClock);
    if (isUnderWay) {
      const { since } = this.#thinking;
      const say = () => setText(this.#summary, thinkingText(since && Date.now() - since));
      say();
      this.#thinkingClock = setInterval(say, 1000);
    } else setText(this.#summary, thoughtText(ms));
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
    if (text && reply.reason?.startsWith("storage_")) parts.push(icon("alert"), words);
    else if (reply.status === "queued" && text) parts.push(icon("clock"), words);
    else if (text) parts.push(icon("retry"), words);
    const isExplained = text && (reply.status === "queued" || reply.retryAt);
    if (isWaiting && !isExplained) parts.push(dots());
    // A message that can be removed takes its reply with it.
    if (reply.reason === "behind" && reply.status === "queued" && !this.#versions.element.hidden) {
      parts.push(this.#tool(t("Cancel"), () => this.#acts.stop(reply.id)));
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
    this.#drawFoot(reply);
  }

  /** @param {Reply} reply */
  #drawFoot(reply) {
    this.#foot.hidden = !reply.end && this.#versions.element.hidden;
    const label = this.#acts.modelLabel(reply.model ?? "");
    const facts = reply.end ? factsOf(reply, label) : [];
    if (facts.join() !== this.#factsDrawn) {
      this.#factsDrawn = facts.join();
      this.#facts.replaceChildren(...factNodes(facts));
    }
    this.#facts.title = reply.end ? tokensText(reply.end.usage) : "";
    const more = {
      isLast: this.#isLast,
      entry: this.#entry,
      isConnected: this.#isConnected,
      feedback: this.#feedback,
    };
    this.#tools.update(reply, more);
  }

  /**
   * @param {string} label
   * @param {() => void} act
   */
  #tool(label, act) {
    return el("button", { class: "tool text", type: "button", onclick: act }, label);
  }

  /** Removes the view. */
  remove() {
    clearInterval(this.#clock);
    clearInterval(this.#thinkingClock);
    this.element.remove();
  }
}

/**
 * Facts in a line. None breaks within itself, and the dot after one ends its line, where it has to.
 * @param {string[]} facts
 */
function factNodes(facts) {
  return facts.flatMap((fact, i) => [
    i ? " " : "",
    el("span", {}, isolated(fact), i < facts.length - 1 ? "  ·" : ""),
  ]);
}

/** @param {Reply} reply */
function isGrowing(reply) {
  return reply.end === null && !hasEnded(reply.status);
}

/**
 * True if an attempt without text runs, or waits to run.
 * @param {Reply} reply
 */
function hasNoWords(reply) {
  return isGrowing(reply) && reply.length === 0 && reply.reasoningLength === 0;
}

function dots() {
  return el(
    "span",
    { class: "dots", role: "img", "aria-label": t("Waiting for the first words") },
    el("span"),
    el("span"),
    el("span"),
  );
}
