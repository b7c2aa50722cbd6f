/** Content of a thread without messages. */

import { el } from "../lib/dom.js";
import { t } from "../lib/translate.js";

/**
 * The start of a new conversation.
 * @param {{name: string, help: string|null, again: () => void}} page `help`: no model is there, and what to do; `again` looks for one
 */
export function welcome({ name, help, again }) {
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
