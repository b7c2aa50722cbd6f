/** Copies text, also on a page without a secure context, where `navigator.clipboard` is missing. */

import { el } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./translate.js";

/**
 * @param {string} text
 * @returns {Promise<boolean>} true if it was copied
 */
export async function copy(text) {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return true;
    }
  } catch {
    // Refused: by selection, then.
  }
  return copyBySelection(text);
}

/** @param {string} text */
function copyBySelection(text) {
  const focused = document.activeElement;
  const area = el("textarea", { class: "visually-hidden", readonly: true, "aria-hidden": "true" });
  area.value = text;
  const host = focused?.closest("dialog") ?? document.body;
  host.append(area);
  area.select();
  let copied = false;
  try {
    copied = document.execCommand("copy");
  } catch {
    copied = false;
  }
  area.remove();
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  return copied;
}

/**
 * A button that copies what `text` gives, and says so for a moment.
 * @param {string} label
 * @param {() => string} text
 */
export function copyButton(label, text) {
  const word = el("span", { class: "tool-word" }, t("Copy"));
  const button = el("button", { type: "button", class: "tool", "aria-label": label }, word);
  button.prepend(icon("copy"));
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let timer;
  /** @param {string} said @param {"copy"|"check"|"alert"} sign */
  const show = (said, sign) => {
    word.textContent = said;
    button.querySelector("svg")?.replaceWith(icon(sign));
  };
  button.addEventListener("click", async () => {
    const copied = await copy(text());
    show(copied ? t("Copied") : t("Copy failed"), copied ? "check" : "alert");
    button.classList.toggle("done", copied);
    button.setAttribute("aria-label", copied ? t("Copied") : t("Copy failed"));
    clearTimeout(timer);
    timer = setTimeout(() => {
      show(t("Copy"), "copy");
      button.classList.remove("done");
      button.setAttribute("aria-label", label);
    }, 1800);
  });
  return button;
}
