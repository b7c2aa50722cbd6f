/**
 * The transcript in the admin: a stored conversation, read-only, with the Markdown of the chat. It
 * is read again and again while a reply is unfinished.
 */

import { fill } from "../lib/chunks.js";
import { el, find } from "../lib/dom.js";
import { t, tn } from "../lib/translate.js";
import { isolated } from "../lib/visible-text.js";
import { StreamingMarkdown } from "../markdown/streaming-markdown.js";
import { fromMessage, hasEnded } from "../state/reply.js";
import { factsOf, leftOutText, seconds } from "../views/format.js";
import { problemText } from "../views/reply-problems.js";
import { attemptsElement, detail, moment, stateText } from "./attempts.js";

const POLL_MS = 1500;
/** The first headings of a reply: the admin's own are of the levels before. */
const LEVEL = 3;

/**
 * @typedef {import("../state/records.js").Message & {place?: string|null,
 *   error?: {detail?: string}|null, attempts?: import("./attempts.js").Attempt[]}} Message with what
 *   only staff see; `place` in the tree
 */

class Transcript {
  #host = find("#transcript");
  #url;
  /** The drawn content of each message, so that an equal one is left alone. @type {Map<string, string>} */
  #drawn = new Map();
  /** @type {Map<string, HTMLElement>} */
  #elements = new Map();
  /** True until the messages are there: each reply comes in a task of its own then. */
  #isFirst = true;

  /** @param {{url: string, messages: Message[], conversation: {leaf?: string|null}}} data */
  constructor(data) {
    this.#url = data.url;
    this.#host.classList.add("transcript");
    this.update(data);
  }

  /** @param {{messages: Message[], conversation: {leaf?: string|null}}} data */
  update({ messages }) {
    const tree = new Map(messages.map((message) => [message.id, message]));
    for (const message of messages) {
      const drawn = JSON.stringify(message);
      if (this.#drawn.get(message.id) === drawn) continue;
      this.#drawn.set(message.id, drawn);
      const element = messageElement(message, this.#isFirst ? drawSoon : draw);
      const before = this.#elements.get(message.id);
      this.#elements.set(message.id, element);
      if (before) replace(before, element);
      else this.#host.append(element);
    }
    for (const [id, element] of this.#elements) {
      if (tree.has(id)) continue;
      element.remove();
      this.#elements.delete(id);
      this.#drawn.delete(id);
    }
    this.#isFirst = false;
    if (!messages.length) this.#host.replaceChildren(el("p", {}, t("No messages.")));
    const isGrowing = messages.some(
      ({ role, status }) => role === "assistant" && !hasEnded(status),
    );
    if (isGrowing && this.#url) setTimeout(() => this.#poll(), POLL_MS);
  }

  async #poll() {
    try {
      const headers = { Accept: "application/json" };
      const response = await fetch(this.#url, { headers, credentials: "same-origin" });
      if (!response.ok) throw new Error(`status ${response.status}`);
      this.update(await response.json());
    } catch (problem) {
      console.warn("parley: the transcript could not be read again", problem);
      setTimeout(() => this.#poll(), POLL_MS * 4);
    }
  }
}

/**
 * Puts a message as it is now in the place of what was drawn; what was unfolded stays so.
 * @param {HTMLElement} before
 * @param {HTMLElement} element
 */
function replace(before, element) {
  for (const { className } of before.querySelectorAll("details[open]")) {
    const details = element.querySelector(`details.${className}`);
    if (details instanceof HTMLDetailsElement) details.open = true;
  }
  before.replaceWith(element);
}

/**
 * @param {Message} message
 * @param {typeof draw} drawText
 */
function messageElement(message, drawText) {
  const isReply = message.role === "assistant";
  const head = el(
    "header",
    {},
    el("strong", {}, roleText(message.role)),
    el("time", { datetime: message.created, title: message.created }, moment(message.created)),
    message.place && el("span", {}, message.place),
    isReply && el("span", { class: `state ${message.status}` }, stateText(message.status ?? "")),
  );
  const article = el("article", { class: `message ${message.role}` }, head);
  if (message.left_out) {
    article.append(el("p", { class: "left-out" }, leftOutText(message.left_out)));
  }
  if (isReply && message.reasoning) {
    const thought = el("div", { class: "markdown", dir: "auto" });
    const ms = message.timing?.reasoning_ms;
    const label = ms == null ? t("Reasoning") : t("Reasoning, {time}", { time: seconds(ms) });
    const details = el("details", { class: "thought" }, el("summary", {}, label), thought);
    details.addEventListener("toggle", () => {
      if (!thought.hasChildNodes()) draw(thought, message.reasoning);
    });
    article.append(details);
  }
  const body = el("div", { class: isReply ? "markdown" : "said", dir: "auto" });
  if (isReply) drawText(body, message.text);
  else fill(body, message.text ?? "");
  article.append(body);
  if (isReply) article.append(...outcome(message));
  return article;
}

/** @param {string} role */
function roleText(role) {
  switch (role) {
    case "user":
      return t("User");
    case "assistant":
      return t("Reply");
    case "system":
      return t("System");
    default:
      return "";
  }
}

/**
 * @param {HTMLElement} host
 * @param {string|undefined|null} text
 */
const draw = (host, text) => new StreamingMarkdown(host, { level: LEVEL }).set(text ?? "", true);

/** @type {typeof draw} */
const drawSoon = (host, text) => void setTimeout(() => draw(host, text));

/** @param {Message} message */
function outcome(message) {
  /** @type {HTMLElement[]} */
  const parts = [];
  if (message.error) {
    const { code, detail: text } = message.error;
    parts.push(
      el("p", { class: "problem" }, `${problemText(message.error)} `, el("code", {}, code)),
    );
    if (text) parts.push(detail(text));
  }
  const facts = factsOf(fromMessage({ ...message, text: message.text ?? "" }), message.model ?? "");
  if (message.attempt) facts.push(t("attempt {n}", { n: message.attempt }));
  const prompt = message.usage?.prompt_tokens;
  if (prompt) facts.push(tn("{n} prompt token", "{n} prompt tokens", prompt));
  if (message.finish_reason)
    facts.push(t("finish reason {reason}", { reason: message.finish_reason }));
  if (message.reason) facts.push(message.reason);
  const footer = facts.flatMap((fact, i) => [i ? "\u00a0 · " : "", isolated(fact)]);
  parts.push(el("footer", {}, ...footer));
  if (message.attempts?.length) parts.push(attemptsElement(message.attempts));
  return parts;
}

// In a task of its own: the evaluation of the modules has taken long enough.
setTimeout(() => new Transcript(JSON.parse(find("#transcript-data").textContent ?? "{}")));
