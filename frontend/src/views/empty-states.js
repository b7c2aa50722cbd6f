/** Content of a thread without messages. */

import { el } from "../lib/dom.js";
import { t } from "../lib/translate.js";

const suggestions = () => [
  {
    title: t("Explain something"),
    text: t("Explain how public-key encryption works, with an everyday example."),
  },
  {
    title: t("Draft a message"),
    text: t("Draft a short, friendly e-mail that moves a meeting from Tuesday to Thursday."),
  },
  {
    title: t("Work on code"),
    text: t("Write a Python function that groups a list of dates by week, with a test."),
  },
  {
    title: t("Think it through"),
    text: t("What should I ask before choosing between two job offers? Give me a table."),
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
      el("h2", {}, t("No model yet")),
      el("div", { class: "notice notice-attention" }, help),
      el("button", { class: "button", type: "button", onclick: again }, t("Check again")),
    );
  }
  const first = name.trim().split(/\s+/)[0];
  return el(
    "div",
    { class: "welcome" },
    el("h2", {}, first ? t("What’s on your mind, {first}?", { first }) : t("What’s on your mind?")),
    el(
      "ul",
      { class: "suggestions" },
      ...suggestions().map(({ title, text }) =>
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
    el("h2", {}, t("Conversation not found")),
    el("p", { class: "muted" }, t("It was deleted, or it is not yours.")),
    el("button", { class: "button button-primary", type: "button", onclick: begin }, t("New chat")),
  );
}

/** @param {() => void} again */
export function unreachable(again) {
  return el(
    "div",
    { class: "welcome" },
    el("h2", {}, t("This conversation could not be loaded")),
    el("p", { class: "muted" }, t("Trying again automatically.")),
    el("button", { class: "button", type: "button", onclick: again }, t("Try again")),
  );
}
