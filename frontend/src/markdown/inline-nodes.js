/** The text within a block as DOM nodes. Links lead only to http, https and mailto. */
import { el } from "../lib/dom.js";
import { appendText } from "../lib/visible-text.js";
import { hostOf, otherHost } from "./addresses.js";
import { setFormula } from "./typesetting.js";

/** @typedef {import("./inline.js").Inline} Inline */

/**
 * @param {Inline[]} parts
 * @param {Node} parent
 * @param {(weight: number) => void} count gets the weight of each new node; it may throw
 */
export function appendInlines(parts, parent, count) {
  for (const part of parts) {
    count(part.type === "formula" ? 1 + part.text.length : 1);
    parent.appendChild(nodeOf(part, count));
  }
}

/**
 * @param {Inline} part
 * @param {(weight: number) => void} count
 * @returns {Node}
 */
function nodeOf(part, count) {
  switch (part.type) {
    case "break":
      return el("br");
    case "code": {
      const code = el("code", { dir: "ltr" });
      appendText(code, part.text);
      return code;
    }
    case "formula":
      return formula("span", part.text, part.isDisplay ?? false);
    case "link":
      return link(part, count);
    case "note":
      return noteMark(part.text);
    case "text":
    case "entity": {
      const fragment = document.createDocumentFragment();
      appendText(fragment, part.type === "entity" ? decoded(part.text) : part.text);
      return fragment;
    }
    default: {
      const element = el(part.type);
      appendInlines(part.children ?? [], element, count);
      return element;
    }
  }
}

/**
 * @param {"div"|"span"} tag
 * @param {string} tex
 * @param {boolean} isDisplay
 */
export function formula(tag, tex, isDisplay) {
  const place = el(tag, { class: "math-source", dir: "ltr" });
  appendText(place, tex);
  setFormula(place, isDisplay);
  return place;
}

/**
 * A link shows its host when it is pointed at or focused. It stands beside the link where its text
 * names another host, and where the link stands for an image, which is never loaded.
 * @param {Inline} part
 * @param {(weight: number) => void} count
 */
function link({ href = "", title, children = [], isImage }, count) {
  const element = el("a", { href: href.trim(), dir: "auto", target: "_blank" });
  element.rel = "noopener noreferrer nofollow";
  if (title) element.title = title;
  appendInlines(children, element, count);
  const real = hostOf(href);
  element.dataset.host = real;
  const host = isImage ? real : otherHost(element.textContent ?? "", href);
  if (!host) return element;
  const fragment = document.createDocumentFragment();
  fragment.append(element, " ", el("bdi", { class: "host", dir: "ltr" }, `(${host})`));
  return fragment;
}

/**
 * The mark of a footnote leads to the note.
 * @param {string} label
 */
function noteMark(label) {
  const mark = el("a", { class: "note-mark", role: "doc-noteref", tabindex: 0 });
  appendText(mark, label);
  mark.dataset.note = label;
  jumps(mark, ".note");
  return el("sup", {}, mark);
}

/**
 * A link within a reply, which the address of the page says nothing of.
 * @param {HTMLElement} element
 * @param {string} selector of the elements with the same `data-note`, to the first of which it leads
 */
export function jumps(element, selector) {
  const jump = () => {
    const places = element.closest(".markdown")?.querySelectorAll(selector) ?? [];
    for (const place of /** @type {Iterable<HTMLElement>} */ (places)) {
      if (place.dataset.note !== element.dataset.note) continue;
      place.scrollIntoView({ block: "center" });
      place.focus({ preventScroll: true });
      return;
    }
  };
  element.addEventListener("click", jump);
  element.addEventListener("keydown", (event) => {
    if (event.key === "Enter") jump();
  });
}

/** @type {Map<string, string>} */
const entities = new Map();
const MOST_ENTITIES = 3000;

/**
 * The character an entity stands for. What is none is text.
 * @param {string} entity
 */
function decoded(entity) {
  const known = entities.get(entity);
  if (known !== undefined || entities.size > MOST_ENTITIES) return known ?? entity;
  const parsed = new DOMParser().parseFromString(`x${entity}`, "text/html");
  const read = parsed.body.textContent?.slice(1) ?? "";
  // Browsers read the beginning of an unknown name: `&notes;` as `&not` and `es;`.
  const text = read.length > 1 && read.endsWith(";") ? entity : read || entity;
  entities.set(entity, text);
  return text;
}
