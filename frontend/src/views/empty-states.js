/** Content of a thread without messages. */
import { el } from "../lib/dom.js";

const SUGGESTIONS = [
  {
    title: "Explain something",
    text: "Explain how public-key encryption works, with an everyday example.",
  },
  {
    title: "Draft a message",
    text: "Draft a short, friendly e-mail that moves a meeting from Tuesday to Thursday.",
  },
  {
    title: "Work on code",
    text: "Write a Python function that groups a list of dates by week, with a test.",
  },
  {
    title: "Think it through",
    text: "What should I ask before choosing between two job offers? Give me a table.",
  },
];

/**
 * The start of a new conversation.
 * @param {{name: string, help: string|null, suggest: (text: string) => void,
 *   again: () => void}} page `help`: no model is there, and what to do; `again` looks for one
 */
export function welcome({ name, help, suggest, again }) {
  if (help) {
    return el(
      "div",
      { class: "welcome" },
      el("h2", {}, "No model yet"),
      el("div", { class: "notice notice-attention" }, help),
      el("button", { class: "button", type: "button", onclick: again }, "Check again"),
    );
  }
  const first = name.trim().split(/\s+/)[0];
  return el(
    "div",
    { class: "welcome" },
    el("h2", {}, first ? `What’s on your mind, ${first}?` : "What’s on your mind?"),
    el(
      "ul",
      { class: "suggestions" },
      ...SUGGESTIONS.map(({ title, text }) =>
        el(
          "li",
          {},
          el(
            "button",
            { type: "button", onclick: () => suggest(text) },
            el("strong", {}, title),
            el("span", {}, text),
          ),
        ),
      ),
    ),
  );
}

/** @param {() => void} begin */
export function notFound(begin) {
  return el(
    "div",
    { class: "welcome" },
    el("h2", {}, "Conversation not found"),
    el("p", { class: "muted" }, "It was deleted, or it is not yours."),
    el("button", { class: "button button-primary", type: "button", onclick: begin }, "New chat"),
  );
}

/** @param {() => void} again */
export function unreachable(again) {
  return el(
    "div",
    { class: "welcome" },
    el("h2", {}, "This conversation could not be loaded"),
    el("p", { class: "muted" }, "Trying again automatically."),
    el("button", { class: "button", type: "button", onclick: again }, "Try again"),
  );
}
