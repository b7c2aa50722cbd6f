/** Texts as nodes, in which invisible characters (`bidi.js`) are marked; and back. */

import { hasUnseen, markedText, pieces } from "./bidi.js";
import { el } from "./dom.js";
import { t } from "./translate.js";

/** The most marks; beyond them they are words of the text. */
const MOST = 200;

/**
 * The nodes of a text.
 * @param {string} text
 * @returns {(string|HTMLElement)[]}
 */
export function marked(text) {
  const found = pieces(text);
  if (found.length > MOST) return [markedText(text)];
  return found.map((piece) => {
    if (typeof piece === "string") return piece;
    const title = t("Invisible character");
    const mark = el("span", { class: "unseen", title }, piece.mark);
    mark.dataset.text = piece.raw;
    return mark;
  });
}

/**
 * A text in a direction of its own: it turns nothing around it.
 * @param {string} text
 */
export const isolated = (text) => el("bdi", {}, ...marked(text));

/**
 * @param {Node} parent
 * @param {string} text
 */
export function appendText(parent, text) {
  if (!text) return;
  if (!hasUnseen(text)) parent.appendChild(document.createTextNode(text));
  else
    for (const node of marked(withEnd(parent, text))) {
      parent.appendChild(typeof node === "string" ? document.createTextNode(node) : node);
    }
}

/**
 * The text with what stands before it, taken out, where its tags go on with that: a flag may come in parts.
 * @param {Node} parent
 * @param {string} text
 */
function withEnd(parent, text) {
  if (text[0] !== "\uDB40") return text;
  let whole = text;
  let last = parent.lastChild;
  if (last instanceof HTMLElement && last.dataset.text?.[0] === "\uDB40") {
    whole = last.dataset.text + whole;
    last.remove();
    last = parent.lastChild;
  }
  if (last instanceof Text && last.data.endsWith("\u{1F3F4}")) {
    whole = last.data + whole;
    last.remove();
  }
  return whole;
}

/**
 * The text of an element as it was written, with what is not seen.
 * @param {Element} element
 */
export function textOf(element) {
  if (!element.querySelector(".unseen")) return element.textContent ?? "";
  const copy = /** @type {Element} */ (element.cloneNode(true));
  for (const mark of copy.querySelectorAll(".unseen")) {
    mark.replaceWith(/** @type {HTMLElement} */ (mark).dataset.text ?? "");
  }
  return copy.textContent ?? "";
}
