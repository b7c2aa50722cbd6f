/** Short messages to the user: a toast to see, a live region to hear. */

import { el, find } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { t } from "../lib/translate.js";
import { marked } from "../lib/visible-text.js";

const SHOWN_MS = 6000;

/** Time of a notice with an action, which stays longer. */
const OFFERED_MS = 12_000;

/**
 * @param {string} text
 * @param {{tone?: "quiet"|"danger", action?: {label: string, act: () => void}|null}} [more]
 */
export function toast(text, { tone = "quiet", action = null } = {}) {
  const host = find("#toasts");
  const close = el(
    "button",
    { class: "tool", type: "button", "aria-label": t("Close") },
    icon("x"),
  );
  const box = el("div", { class: `toast ${tone}` }, el("span", { dir: "auto" }, ...marked(text)));
  const gone = () => box.remove();
  if (action) {
    const button = el("button", { class: "tool text", type: "button" }, action.label);
    button.addEventListener("click", () => {
      gone();
      action.act();
    });
    box.append(button);
  }
  box.append(close);
  close.addEventListener("click", gone);
  while (host.children.length > 2) host.firstElementChild?.remove();
  host.append(box);
  let timer = setTimeout(gone, action ? OFFERED_MS : SHOWN_MS);
  const stay = () => clearTimeout(timer);
  const leave = () => {
    timer = setTimeout(gone, SHOWN_MS / 2);
  };
  box.addEventListener("pointerenter", stay);
  box.addEventListener("pointerleave", leave);
  box.addEventListener("focusin", stay);
  box.addEventListener("focusout", leave);
}

/**
 * Announces a text to screen readers.
 * @param {string} text
 */
export function announce(text) {
  const region = find("#announcements");
  // The same words twice are a change only if the region was empty in between.
  region.textContent = "";
  setTimeout(() => {
    region.textContent = text;
  }, 50);
}
