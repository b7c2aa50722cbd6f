/**
 * Invisible characters that change what is read: marks that turn the direction of the following text
 * (U+202A–E, U+2066–9), and tags (U+E0000–E007F), in which whole sentences can be hidden.
 * They are shown by name: as nodes by `visible-text.js`, on the server by `chat/marking.py`. The cases of
 * both are in `tests/unseen.json`. Pure.
 */

/** The flags of England, Scotland and Wales are written with tags. */
const FLAG =
  "\u{1F3F4}(?:\u{E0067}\u{E0062}(?:\u{E0065}\u{E006E}\u{E0067}|\u{E0073}\u{E0063}\u{E0074}|\u{E0077}\u{E006C}\u{E0073})\u{E007F})";

const HIDDEN = new RegExp(`(${FLAG})|[\u202A-\u202E\u2066-\u2069]|[\u{E0000}-\u{E007F}]+`, "gu");

/**
 * True if a text may have any; cheap. Of a tag that comes in halves the first one is enough.
 * @param {string} text
 */
export const hasUnseen = (text) => /[\u202A-\u202E\u2066-\u2069\uDB40]/.test(text);

/** @type {Record<string, string>} */
const NAMES = {
  "\u202A": "LRE",
  "\u202B": "RLE",
  "\u202C": "PDF",
  "\u202D": "LRO",
  "\u202E": "RLO",
  "\u2066": "LRI",
  "\u2067": "RLI",
  "\u2068": "FSI",
  "\u2069": "PDI",
};

/**
 * A text in pieces: strings as they are, and marks in place of what would not be seen.
 * @param {string} text
 * @returns {(string|{mark: string, raw: string})[]}
 */
export function pieces(text) {
  if (!hasUnseen(text)) return [text];
  /** @type {(string|{mark: string, raw: string})[]} */
  const found = [];
  let at = 0;
  for (const { 0: raw, 1: flag, index } of text.matchAll(HIDDEN)) {
    if (flag) continue;
    if (index > at) found.push(text.slice(at, index));
    found.push({ mark: nameOf(raw), raw });
    at = index + raw.length;
  }
  if (at < text.length) found.push(text.slice(at));
  return found;
}

/**
 * A text with the marks in it, for where there is only text: titles, labels.
 * @param {string} text
 */
export function markedText(text) {
  return pieces(text)
    .map((piece) => (typeof piece === "string" ? piece : `[${piece.mark}]`))
    .join("");
}

/** Letters of the scripts that are written from right to left. */
const RTL = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFF\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}]/u;

/** A text that is isolated already: it turns nothing around it. */
const ISOLATED = /(\u2068[^\u202A-\u202E\u2066-\u2069\u{E0000}-\u{E007F}]*\u2069)/u;

/**
 * Isolates a text within a sentence, so that it does not turn the text around it. A sentence may be
 * such a text, too: what is isolated in it stays.
 * @param {string} text
 */
export function quoted(text) {
  const safe = text.split(ISOLATED).map((part, i) => (i % 2 ? part : markedText(part)));
  return safe.some((part, i) => i % 2 === 0 && RTL.test(part))
    ? `\u2068${safe.map((part, i) => (i % 2 ? part.slice(1, -1) : part)).join("")}\u2069`
    : safe.join("");
}

/** @param {string} raw */
function nameOf(raw) {
  if (NAMES[raw]) return NAMES[raw];
  const letters = [...raw].map((tag) => (tag.codePointAt(0) ?? 0) - 0xe0000);
  const said = letters.filter((code) => code >= 0x20 && code < 0x7f);
  return said.length ? `tags: ${String.fromCharCode(...said)}` : "tags";
}
