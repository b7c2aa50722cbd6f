/**
 * Formulas as tokens of marked: `$$…$$`, `\[…\]`, `\(…\)` and `$…$`. They come out as
 * <code class="math-inline"> and <pre class="math-block"> with the TeX as text, so that a page
 * which cannot typeset them shows their source.
 */

/** @param {string} text */
const escapeHtml = (text) =>
  text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** @type {import("marked").TokenizerAndRendererExtension} */
export const blockMath = {
  name: "blockMath",
  level: "block",
  start(source) {
    const at = source.search(/\n {0,3}(?:\$\$|\\\[)/);
    return at < 0 ? undefined : at;
  },
  tokenizer(source) {
    const found =
      /^ {0,3}\$\$([^$]+?)\$\$[ \t]*(?:\n|$)/.exec(source) ??
      /^ {0,3}\\\[((?:(?!\\\]|\n\n)[\s\S])+?)\\\][ \t]*(?:\n|$)/.exec(source);
    if (!found?.[1]?.trim()) return undefined;
    return { type: "blockMath", raw: found[0], text: found[1].trim() };
  },
  renderer({ text }) {
    return `<pre class="math-block">${escapeHtml(text)}</pre>\n`;
  },
};

/** @type {import("marked").TokenizerAndRendererExtension} */
export const inlineMath = {
  name: "inlineMath",
  level: "inline",
  start(source) {
    const at = source.search(/\$|\\[([]/);
    return at < 0 ? undefined : at;
  },
  tokenizer(source) {
    // A price is not a formula: no space inside next to the dollar signs, no letter or digit after.
    const found =
      /^\$\$([^$\n]+?)\$\$/.exec(source) ??
      /^\$(?=\S)((?:\\.|[^$\\\n])+?)(?<=\S)\$(?![\w$])/.exec(source) ??
      /^\\\(([^\n]+?)\\\)/.exec(source) ??
      /^\\\[([^\n]+?)\\\]/.exec(source);
    if (!found?.[1]?.trim()) return undefined;
    return { type: "inlineMath", raw: found[0], text: found[1].trim() };
  },
  renderer({ text }) {
    return `<code class="math-inline">${escapeHtml(text)}</code>`;
  },
};
