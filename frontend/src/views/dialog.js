/** Questions as native dialogs: focus stays in them, Escape closes them. */

import { el } from "../lib/dom.js";
import { t } from "../lib/translate.js";

/**
 * @param {HTMLDialogElement} dialog
 * @returns {Promise<string>} the value it was closed with, "" for Escape
 */
export function ask(dialog) {
  // All content belongs to a landmark, and one of them may be inert.
  (document.querySelector(":is(main, aside):not([inert])") ?? document.body).append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
    // A click beside the dialog closes it.
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog && !dialog.hasAttribute("data-stays")) dialog.close("");
    });
  });
}

/**
 * @param {{title: string, text: (string|Node)[], action: string, isDanger?: boolean}} question
 * @returns {Promise<boolean>}
 */
export async function confirm({ title, text, action, isDanger = false }) {
  const kind = isDanger ? "button-danger" : "button-primary";
  const dialog = el(
    "dialog",
    { class: "dialog", "aria-labelledby": "dialog-title" },
    el(
      "form",
      { method: "dialog", class: "dialog-body" },
      el("h2", { id: "dialog-title" }, title),
      el("p", { class: "muted" }, ...text),
      el(
        "div",
        { class: "actions actions-end" },
        el("button", { class: "button", value: "", autofocus: true }, t("Cancel")),
        el("button", { class: `button ${kind}`, value: "yes" }, action),
      ),
    ),
  );
  return (await ask(dialog)) === "yes";
}

/**
 * Asks for a line of text.
 * @param {{title: string, label: string, value: string, action: string, longest: number}} question
 * @returns {Promise<string|null>} null where it was left
 */
export async function prompt({ title, label, value, action, longest }) {
  const input = el("input", {
    class: "input",
    id: "dialog-input",
    maxlength: longest,
    dir: "auto",
    autocomplete: "off",
    autofocus: true,
  });
  input.value = value;
  const dialog = el(
    "dialog",
    { class: "dialog", "aria-labelledby": "dialog-title" },
    el(
      "form",
      { method: "dialog", class: "dialog-body" },
      el("h2", { id: "dialog-title" }, title),
      el("div", { class: "field" }, el("label", { for: "dialog-input" }, label), input),
      el(
        "div",
        { class: "actions actions-end" },
        // Enter presses the first button of a form, which must not be Cancel.
        el(
          "button",
          { class: "button", type: "button", onclick: () => dialog.close("") },
          t("Cancel"),
        ),
        el("button", { class: "button button-primary", value: "yes" }, action),
      ),
    ),
  );
  queueMicrotask(() => input.select());
  const answer = (await ask(dialog)) === "yes" ? input.value.trim() : "";
  return answer || null;
}

/**
 * The session is over: the page stays as it is behind the dialog.
 * @param {{login: string, again: () => void}} ways
 */
export async function sessionLost({ login, again }) {
  if (document.querySelector("#session-lost")) return;
  const url = `${login}?next=${encodeURIComponent(location.pathname)}`;
  const dialog = el(
    "dialog",
    { class: "dialog", id: "session-lost", "aria-labelledby": "dialog-title", "data-stays": true },
    el(
      "form",
      { method: "dialog", class: "dialog-body" },
      el("h2", { id: "dialog-title" }, t("You are logged out")),
      el(
        "p",
        { class: "muted" },
        t(
          "Log in again to continue. Your drafts are kept in this browser, and running replies continue.",
        ),
      ),
      el(
        "div",
        { class: "actions actions-end" },
        el("button", { class: "button", value: "again" }, t("I have logged in in another tab")),
        el("a", { class: "button button-primary", href: url }, t("Log in")),
      ),
    ),
  );
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  if ((await ask(dialog)) === "again") again();
}
