/** The part of a link after its label. */

/** Most characters of an address; anything longer is text. */
const LONGEST = 4000;

/**
 * The address and title in round brackets that begin at `at`.
 * @param {string} text
 * @param {number} at of the opening bracket
 * @returns {{href: string, title: string, end: number}|null}
 */
export function linkTail(text, at) {
  let from = skipBlanks(text, at + 1);
  let to = from;
  if (text[from] === "<") {
    from += 1;
    to = from;
    while (to < from + LONGEST && text[to] !== ">") {
      if (to >= text.length || text[to] === "\n" || text[to] === "<") return null;
      to += text[to] === "\\" ? 2 : 1;
    }
    if (text[to] !== ">") return null;
  } else {
    let depth = 0;
    for (; to < text.length; to++) {
      if (to > from + LONGEST) return null;
      const one = text[to] ?? "";
      if (one <= " ") break;
      if (one === "\\" && /[!-/:-@[-`{-~]/.test(text[to + 1] ?? "")) to += 1;
      else if (one === "(") depth += 1;
      else if (one === ")" && --depth < 0) break;
    }
    if (depth > 0) return null;
  }
  const href = text.slice(from, to).replace(/\\([!-/:-@[-`{-~])/g, "$1");
  let end = skipBlanks(text, text[from - 1] === "<" ? to + 1 : to);
  let title = "";
  const mark = text[end] ?? "";
  if (end > to && (mark === '"' || mark === "'" || mark === "(")) {
    const close = mark === "(" ? ")" : mark;
    let stop = end + 1;
    while (text[stop] !== close) {
      if (stop >= text.length || stop > end + LONGEST) return null;
      stop += text[stop] === "\\" ? 2 : 1;
    }
    title = text.slice(end + 1, stop).replace(/\\([!-/:-@[-`{-~])/g, "$1");
    end = skipBlanks(text, stop + 1);
  }
  return text[end] === ")" ? { href, title, end: end + 1 } : null;
}

/**
 * @param {string} text
 * @param {number} at
 */
function skipBlanks(text, at) {
  const most = at + LONGEST;
  while (at < most && (text[at] === " " || text[at] === "\t" || text[at] === "\n")) at += 1;
  return at;
}

/**
 * A label as it is compared.
 * @param {string} label
 */
export const normalLabel = (label) => label.trim().replace(/\s+/g, " ").toLowerCase();
