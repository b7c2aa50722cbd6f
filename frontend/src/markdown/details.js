/** Begin and end of a folded part: `<details>`, `<summary>` and what is between them and the end. */
import { fenceAt, lineEnd } from "./fences.js";

const OPENING = /^ {0,3}<details>[ \t]*/i;
const SUMMARY = /^\s*<summary>([\s\S]{0,1000}?)<\/summary>[ \t]*\n?/i;

/**
 * @typedef {object} Details
 * @property {number} end in the text, after the line that closes it
 * @property {string} summary
 * @property {string} text
 * @property {boolean} isClosed
 */

/**
 * The part whose opening line begins at `at`. Tags in fenced code open and close nothing.
 * @param {string} text
 * @param {number} at
 * @returns {Details|null}
 */
export function detailsAt(text, at) {
  const opening = OPENING.exec(text.slice(at, at + 40))?.[0];
  if (!opening) return null;
  const from = at + opening.length;
  let depth = 1;
  for (let line = from; line < text.length; ) {
    const fence = line > from && fenceAt(text, line);
    if (fence) {
      line = fence.end;
      continue;
    }
    const end = lineEnd(text, line);
    // The end stands at the end of its line, the beginning of another one at the start.
    const words = text.slice(line, end);
    if (line > from && OPENING.test(words)) depth += 1;
    const closing = /<\/details>[ \t]*$/i.exec(words);
    if (closing) depth -= 1;
    if (closing && depth === 0) {
      return {
        ...partsOf(text.slice(from, line + closing.index)),
        end: Math.min(end + 1, text.length),
        isClosed: true,
      };
    }
    line = end + 1;
  }
  return { ...partsOf(text.slice(from)), end: text.length, isClosed: false };
}

/** @param {string} inner */
function partsOf(inner) {
  const [whole = "", summary = ""] = SUMMARY.exec(inner) ?? [];
  return { summary: summary.trim(), text: inner.slice(whole.length).replace(/^\n+/, "") };
}
