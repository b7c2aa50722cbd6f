/** Begin and end of fenced code. */

const OPENING = /^( {0,3})(`{3,}|~{3,})([^\n]*)/;
const NESTING = /^(?:markdown|md|mdx)$/i;
/** Lines after a mark that may open a block within a block, in which its end is searched. */
const FAR = 300;

/**
 * @typedef {object} Fence
 * @property {number} end in the text, after the line that closes it
 * @property {string} language
 * @property {string} code
 * @property {boolean} isClosed
 */

/**
 * The block whose opening line begins at `at`. Within a block of Markdown a fence with a language
 * opens an inner one, which has an end of its own; so does one without, where a blank line or a colon
 * leads to it, a line of code follows, and the outer block has its end after it.
 * @param {string} text
 * @param {number} [at]
 * @returns {Fence|null}
 */
export function fenceAt(text, at = 0) {
  const line = text.slice(at, lineEnd(text, at));
  const [whole, indent = "", mark = "", info = ""] = OPENING.exec(line) ?? [];
  if (whole === undefined || (mark[0] === "`" && info.includes("`"))) return null;
  const language = /^\s*(\S*)/.exec(info)?.[1]?.replace(/^\{?\.?|[},].*$/g, "") ?? "";
  const from = Math.min(at + whole.length + 1, text.length);
  const nests = NESTING.test(language);
  /** @param {number} to @param {number} end @returns {Fence} */
  const fence = (to, end) => ({
    end: Math.min(end, text.length),
    language,
    code: dedent(text.slice(from, to), indent.length),
    isClosed: to < text.length,
  });
  /** @type {{mark: string, isNamed: boolean}[]} */
  const open = [{ mark, isNamed: true }];
  /** The block as it ends if what seemed to open a block within it closes it. @type {Fence|null} */
  let shorter = null;
  let lines = 0;
  let before = "";
  for (let to = from; to < text.length; ) {
    const end = lineEnd(text, to);
    if (shorter && ++lines > FAR) return shorter;
    const last = open.at(-1) ?? { mark: "", isNamed: false };
    const [, , inner = "", more = ""] = isFenceMark(text, to)
      ? (OPENING.exec(text.slice(to, end)) ?? [])
      : [];
    const word = more.trim();
    if (inner && !word && inner[0] === last.mark[0] && inner.length >= last.mark.length) {
      if (nests && open.length === 1 && leadsIn(before) && !isBlankLine(text, end + 1)) {
        shorter ??= fence(to, end + 1);
        open.push({ mark: inner, isNamed: false });
      } else if (open.length === 1) return fence(to, end + 1);
      else open.pop();
    } else if (inner && nests && /^[\w+#.-]+$/.test(word)) {
      // No block without a language has the beginning of another in it.
      if (!last.isNamed) return shorter;
      open.push({ mark: inner, isNamed: true });
    }
    before = nests ? text.slice(Math.max(to, end - 200), end) : "";
    to = end + 1;
  }
  return shorter ?? fence(text.length, text.length);
}

/**
 * True if a block may begin after a line: a blank one, or one that says what follows.
 * @param {string} line
 */
const leadsIn = (line) => /(?:^|[:：])\s*$/.test(line);

/**
 * @param {string} text
 * @param {number} at
 */
const isBlankLine = (text, at) =>
  text.slice(at, Math.min(lineEnd(text, at), at + 200)).trim() === "";

/**
 * @param {string} text
 * @param {number} at
 */
function isFenceMark(text, at) {
  let from = at;
  while (text[from] === " " && from < at + 3) from += 1;
  return text.startsWith("```", from) || text.startsWith("~~~", from);
}

/**
 * @param {string} text
 * @param {number} from
 */
export function lineEnd(text, from) {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

/**
 * @param {string} code
 * @param {number} indent of the opening line, taken off each line where it is there
 */
function dedent(code, indent) {
  return indent ? code.replace(new RegExp(`^ {1,${indent}}`, "gm"), "") : code;
}
