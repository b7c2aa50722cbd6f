/**
 * Markdown cut into blocks, so that while a reply grows only its last blocks are read again.
 *
 * Raw HTML is text here, images are links, and links lead only to http, https and mailto: what
 * comes out of `marked` is harmless by itself, and is sanitised once more on its way to the page
 * (`markdown.js`).
 */
import { Marked } from "marked";
import { blockMath, inlineMath } from "./mathtokens.js";

/** @typedef {import("marked").Token} Token */

/**
 * @typedef {object} Cut
 * @property {Token[]} closed blocks that more text cannot change
 * @property {Token[]} open the blocks after those
 * @property {string} rest the text of the open blocks
 */

// Models break lines where they mean it: in poems, addresses, lyrics.
const marked = new Marked({ gfm: true, breaks: true });

marked.use({
  extensions: [blockMath, inlineMath],
  renderer: {
    html({ text, block }) {
      if (/^<br\s*\/?>\s*$/i.test(text)) return "<br>";
      return block ? `<p>${escapeHtml(text.trim())}</p>\n` : escapeHtml(text);
    },
    image({ href, text }) {
      const label = escapeHtml(text || "image");
      return safeUrl(href) ? `<a href="${escapeHtml(href)}">${label}</a>` : label;
    },
    link({ href, title, tokens }) {
      const label = this.parser.parseInline(tokens);
      if (!safeUrl(href)) return label;
      const tip = title ? ` title="${escapeHtml(title)}"` : "";
      return `<a href="${escapeHtml(href)}"${tip}>${label}</a>`;
    },
    heading({ tokens, depth }) {
      // The page has the first level itself.
      const level = Math.min(6, depth + 1);
      return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>\n`;
    },
    checkbox({ checked }) {
      return checked ? "☑ " : "☐ ";
    },
  },
});

/**
 * @param {string} text
 */
export function escapeHtml(text) {
  return text
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;")
    .replace(/'/g, "&#39;");
}

/**
 * Whether a link may lead there. Relative addresses may not: they would lead into this site.
 * @param {string} href
 */
export function safeUrl(href) {
  return /^(?:https?:\/\/|mailto:)/i.test(href.trim());
}

/**
 * All blocks of a text.
 * @param {string} text
 */
export function lex(text) {
  return marked.lexer(text);
}

/**
 * The HTML of blocks that came from one `lex` or `cut`.
 * @param {Token[]} tokens
 * @returns {string}
 */
export function toHtml(tokens) {
  return /** @type {string} */ (marked.parser(tokens));
}

/** A growing list is cut in two beyond this many items. */
const LONG_LIST = 16;

/**
 * Cuts a growing text. The last two blocks stay open: the last one grows, and the one before it may
 * yet take it in (`2` after a blank line is a paragraph until `2. two` makes it part of the list).
 * Of a long list the last items stay open, and are a list of their own until the end.
 * @param {string} text
 * @returns {Cut}
 */
export function cut(text) {
  const tokens = marked.lexer(text);
  let from = tokens.length;
  for (let left = 2; from > 0 && left > 0; ) {
    from -= 1;
    if (tokens[from]?.type !== "space") left -= 1;
  }
  const list = tokens.at(-1);
  if (list?.type === "list" && list.items.length > LONG_LIST) {
    const halves = splitList(/** @type {import("marked").Tokens.List} */ (list));
    tokens.splice(tokens.length - 1, 1, ...halves);
    from = tokens.length - 1;
  }
  const closed = tokens.slice(0, from);
  const raw = closed.map((token) => token.raw).join("");
  // marked normalises some blanks; where its blocks are not the text itself, nothing closes.
  if (!text.startsWith(raw)) return { closed: [], open: tokens, rest: text };
  return { closed, open: tokens.slice(from), rest: text.slice(raw.length) };
}

/**
 * All items but the last two, and those.
 * @param {import("marked").Tokens.List} list
 */
function splitList(list) {
  const at = list.items.length - 2;
  const start = typeof list.start === "number" ? list.start + at : list.start;
  const half = (/** @type {import("marked").Tokens.ListItem[]} */ items) => ({
    ...list,
    items,
    raw: items.map((item) => item.raw).join(""),
  });
  return [half(list.items.slice(0, at)), { ...half(list.items.slice(at)), start }];
}

/**
 * The code block that a text is in the midst of: everything after its opening fence.
 * @param {string} text of the open blocks
 * @returns {{language: string, code: string}|null}
 */
export function openFence(text) {
  const opening = /^( {0,3})(`{3,}|~{3,})([^\n]*)\n/.exec(text);
  if (!opening) return null;
  const [whole, indent = "", fence = "", info = ""] = opening;
  if (indent || (fence.startsWith("`") && info.includes("`"))) return null;
  const code = text.slice(whole.length);
  const closing = new RegExp(`^ {0,3}${fence[0]}{${fence.length},}[ \\t]*$`, "m");
  if (closing.test(code)) return null;
  return { language: /^\s*(\S*)/.exec(info)?.[1] ?? "", code };
}
