/**
 * Formulas in a text: `$$…$$`, `\[…\]`, `\(…\)`, `$…$` and environments. A search for an end looks only once at
 * each character, however many beginnings there are.
 */

/** Most characters of a formula; a longer one is shown as its source. */
const LONGEST_FORMULA = 4000;

/** Finds the next of a mark; what was found, or not found, is remembered. */
export class Finder {
  #text;
  /** @type {Map<string, number>} */
  #known = new Map();

  /** @param {string} text */
  constructor(text) {
    this.#text = text;
  }

  /**
   * @param {string} mark
   * @param {number} from never smaller than in the call before
   * @returns {number} its place, or Infinity
   */
  next(mark, from) {
    const known = this.#known.get(mark) ?? -1;
    if (known >= from) return known;
    const at = this.#text.indexOf(mark, from);
    const found = at < 0 ? Number.POSITIVE_INFINITY : at;
    this.#known.set(mark, found);
    return found;
  }
}

/** @typedef {{tex: string, end: number, isDisplay: boolean}} Formula */

/**
 * The formula that begins at a `$` or at a backslash before a bracket.
 * @param {string} text
 * @param {number} at
 * @param {Finder} finder
 * @returns {Formula|null}
 */
export function formulaAt(text, at, finder) {
  if (text[at] === "\\") {
    const mark = text[at + 1] === "(" ? "\\)" : "\\]";
    return between(text, at + 2, finder.next(mark, at + 2), 2);
  }
  if (text[at + 1] === "$") return between(text, at + 2, finder.next("$$", at + 2), 2);
  if (/[\p{L}\p{N}]/u.test(text[at - 1] ?? "")) return null;
  let end = finder.next("$", at + 1);
  while (text[end - 1] === "\\" && text[end - 2] !== "\\") end = finder.next("$", end + 1);
  const found = between(text, at + 1, end, 1);
  if (!found || found.tex.length !== end - at - 1 || found.tex.includes("\n")) return null;
  if (/[\p{L}\p{N}_$]/u.test(text[end + 1] ?? "")) return null;
  return isProse(found.tex) ? null : found;
}

/** Environments that are formulas without any mark around them. */
const ENVIRONMENT =
  /\\begin\{((?:align|alignat|gather|equation|eqnarray|multline|flalign)\*?|aligned|gathered|split|cases|array|CD|[bBpvV]?(?:small)?matrix)\}/y;

/**
 * An environment that begins at a backslash: `\begin{align} … \end{align}`.
 * @param {string} text
 * @param {number} at
 * @param {Finder} finder
 * @returns {Formula|null}
 */
export function environmentAt(text, at, finder) {
  ENVIRONMENT.lastIndex = at;
  const [begin = "", name = ""] = ENVIRONMENT.exec(text) ?? [];
  if (!begin) return null;
  const mark = `\\end{${name}}`;
  const to = finder.next(mark, at) + mark.length;
  return to - at > LONGEST_FORMULA ? null : { tex: text.slice(at, to), end: to, isDisplay: true };
}

/**
 * @param {string} text
 * @param {number} from
 * @param {number} to
 * @param {number} closing length of the mark at its end
 * @returns {Formula|null}
 */
function between(text, from, to, closing) {
  if (to - from > LONGEST_FORMULA) return null;
  const tex = text.slice(from, to).trim();
  return tex ? { tex, end: to + closing, isDisplay: false } : null;
}

/**
 * True if the text between two dollar signs has prices or names of variables.
 * @param {string} tex
 */
function isProse(tex) {
  if (/\\[a-zA-Z]/.test(tex)) return false;
  if (/[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}]/u.test(tex)) return true;
  if (/[–—,;:/-]$/.test(tex)) return true;
  if (/[=^_{}<>]/.test(tex) && !/^[A-Z][A-Z0-9]*_/.test(tex)) return false;
  // `5 and 3`, `x and y`, `the 5`, but `2 x` and `n log n`.
  if (/^[\d.,]+\S*\s+\p{L}{2,}/u.test(tex)) return true;
  if (/(?:^|\s)\p{L}{2,}[,;]?\s+(?:\p{L}{2,}|[\d.,]+)(?=[\s.,;:!?]|$)/u.test(tex)) return true;
  return /^[A-Z_][A-Z0-9_]{2,}(?:$|[\s/:;,."'})])/.test(tex) && /[_\s/:;,."'})]/.test(tex);
}

/**
 * A formula that is a block: on lines of its own, blank ones among them too.
 * @param {string} text
 * @param {number} at start of its line
 * @param {Finder} finder
 * @returns {Formula|null}
 */
export function blockFormulaAt(text, at, finder) {
  let from = at;
  while (text[from] === " " && from < at + 3) from += 1;
  const found = text.startsWith("\\b", from)
    ? environmentAt(text, from, finder)
    : marked(text, from, finder);
  if (!found) return null;
  let end = found.end;
  while (text[end] === " " || text[end] === "\t") end += 1;
  if (end < text.length && text[end] !== "\n") return null;
  return { ...found, end: Math.min(end + 1, text.length), isDisplay: true };
}

/**
 * @param {string} text
 * @param {number} at
 * @param {Finder} finder
 */
function marked(text, at, finder) {
  const mark = text.startsWith("$$", at) ? "$$" : text.startsWith("\\[", at) ? "\\]" : "";
  if (!mark) return null;
  const found = between(text, at + 2, finder.next(mark, at + 2), 2);
  return mark === "$$" && found?.tex.includes("$") ? null : found;
}
