/**
 * The transcript in the admin: a conversation as it is stored, read-only, with the chat's own
 * Markdown. While a reply is unfinished it is read again and again.
 */
import { attemptsElement, detail, moment } from "./attempts.js";
import { el, find } from "./dom.js";
import { factsOf, leftOutText, seconds } from "./format.js";
import { render } from "./markdown.js";
import { fromMessage, hasEnded } from "./reply.js";

const POLL_MS = 1500;

/** @typedef {import("./records.js").Message & {attempts?: import("./attempts.js").Attempt[]}} Message */

class Transcript {
  #host = find("#transcript");
  #url;
  /** What was drawn of each message, to leave alone what is the same. @type {Map<string, string>} */
  #drawn = new Map();
  /** @type {Map<string, HTMLElement>} */
  #elements = new Map();

  /** @param {any} data */
  constructor(data) {
    this.#url = data.url;
    this.#host.classList.add("transcript");
    this.update(data);
  }

  /** @param {{messages: Message[], conversation: {leaf?: string|null}}} data */
  update({ messages }) {
    const tree = new Map(messages.map((message) => [message.id, message]));
    const places = placesOf(messages);
    for (const message of messages) {
      const place = places.get(message.id) ?? "";
      const drawn = JSON.stringify([message, place]);
      if (this.#drawn.get(message.id) === drawn) continue;
      this.#drawn.set(message.id, drawn);
      const element = messageElement(message, place);
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
    if (!messages.length) this.#host.replaceChildren(el("p", {}, "There are no messages."));
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
 * Where each message stands, where there are several versions of one: its number, what it follows
 * if that is not the one above it, and which version it is.
 * @param {Message[]} messages
 * @returns {Map<string, string>}
 */
function placesOf(messages) {
  /** @type {Map<string|null, string[]>} */
  const byParent = new Map();
  for (const { id, parent } of messages) {
    byParent.set(parent, [...(byParent.get(parent) ?? []), id]);
  }
  const found = new Map();
  if ([...byParent.values()].every(({ length }) => length < 2)) return found;
  const numbers = new Map(messages.map(({ id }, i) => [id, i + 1]));
  for (const [i, { id, parent }] of messages.entries()) {
    const parts = [`no. ${i + 1}`];
    const above = parent === null ? 0 : (numbers.get(parent) ?? 0);
    if (above !== i) parts.push(above ? `follows no. ${above}` : "a new beginning");
    const versions = byParent.get(parent) ?? [];
    if (versions.length > 1) {
      parts.push(`version ${versions.indexOf(id) + 1} of ${versions.length}`);
    }
    found.set(id, parts.join(", "));
  }
  return found;
}

/**
 * @param {Message} message
 * @param {string} place in the tree
 */
function messageElement(message, place) {
  const isReply = message.role === "assistant";
  const head = el(
    "header",
    {},
    el("strong", {}, { user: "User", assistant: "Reply", system: "System" }[message.role] ?? ""),
    el("time", { datetime: message.created, title: message.created }, moment(message.created)),
    place && el("span", {}, place),
    isReply && el("span", { class: `state ${message.status}` }, message.status ?? ""),
  );
  const article = el("article", { class: `message ${message.role}` }, head);
  if (message.left_out) {
    article.append(el("p", { class: "left-out" }, leftOutText(message.left_out)));
  }
  if (isReply && message.reasoning) {
    const thought = el("div", { class: "markdown" });
    const ms = message.timing?.reasoning_ms;
    const label = ms == null ? "Reasoning" : `Reasoning, ${seconds(ms)}`;
    const details = el("details", { class: "thought" }, el("summary", {}, label), thought);
    details.addEventListener("toggle", () => {
      if (!thought.hasChildNodes()) thought.append(render(message.reasoning ?? ""));
    });
    article.append(details);
  }
  const body = el("div", { class: isReply ? "markdown" : "said", dir: "auto" });
  if (isReply) body.append(render(message.text ?? ""));
  else body.textContent = message.text ?? "";
  article.append(body);
  if (isReply) article.append(...outcome(message));
  return article;
}

/** @param {Message} message */
function outcome(message) {
  /** @type {HTMLElement[]} */
  const parts = [];
  if (message.error) {
    const { code, message: sentence, detail: text } = message.error;
    parts.push(el("p", { class: "problem" }, `${sentence} `, el("code", {}, code)));
    if (text) parts.push(detail(text));
  }
  const facts = factsOf(fromMessage({ ...message, text: message.text ?? "" }), message.model ?? "");
  if (message.attempt) facts.push(`attempt ${message.attempt}`);
  if (message.usage?.prompt_tokens) facts.push(`${message.usage.prompt_tokens} prompt tokens`);
  if (message.finish_reason) facts.push(`finish reason ${message.finish_reason}`);
  if (message.reason) facts.push(message.reason);
  parts.push(el("footer", {}, facts.join("  ·  ")));
  if (message.attempts?.length) parts.push(attemptsElement(message.attempts));
  return parts;
}

new Transcript(JSON.parse(find("#transcript-data").textContent ?? "{}"));
