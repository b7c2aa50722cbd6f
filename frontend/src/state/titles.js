/**
 * The first title of a conversation, made from its first message like in `chat/models/values/titles.py`.
 * It is shown until the server reports its own. The cases of both are in `tests/titles.json`. Pure.
 */

/** The title of a message without words, stored as `chat/models/values/titles.py` does. */
export const UNTITLED = "New chat";

const LONGEST = 60;

/** A message may have a megabyte. */
const READ = 1000;

const FENCE = /^[ \t]*(?:`{3,}[^`]*|~{3,}.*)$/;
const ONLY_MARKS = /^[\s=_*#>+|:-]*$/;
const MARKS = /^[ \t]*(?:(?:>|#{1,6}|[-*+])[ \t]+(?:\[[ xX]\][ \t]+)?)+/;
const CLOSING = /[ \t]+#+[ \t]*$/gm;
const CODE = /(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)/gs;
const LINK =
  /(?<![A-Za-z0-9_)\]])!?\[([^[\]]+)\](?:\((?:[^()\s]|\([^()\s]*\))*(?:\s+"[^"]*")?(?:\)|$)|\[[^[\]]*\])/g;
const ADDRESS = /<(https?:\/\/[^\s<>]+)>/g;
const STRONG = [
  /(?<![A-Za-z0-9*])(\*{2,3})(?=[^\s*])(.+?)(?<=[^\s*])\1(?![A-Za-z0-9*])/gs,
  /(?<![A-Za-z0-9_])(?!__[A-Za-z0-9_]+__)(_{2,3})(?=[^\s_])(.+?)(?<=[^\s_])\1(?![A-Za-z0-9_])/gs,
  /(?<!~)(~~)(?=[^\s~])(.+?)(?<=[^\s~])\1(?!~)/gs,
];
const SLANTED = /(?<![A-Za-z0-9*_])([*_])(?=[^\s*_])(.+?)(?<=[^\s*_])\1(?![A-Za-z0-9*_])/gs;

/** The first of 32 code points that stand for no character: they hold the places of code. */
const KEPT = 0xfdd0;

/** @param {string} text */
export function titleOf(text) {
  const found = beginning(text);
  const line = joined(found);
  // A single star or underline may be meant. It stays, unless half of a pair would.
  const said = joined(found.replace(SLANTED, "$2"));
  if ([...line].length <= LONGEST && line.replace(SLANTED, "$2") === said) {
    return line || UNTITLED;
  }
  const points = [...said];
  if (points.length <= LONGEST) return said;
  const head = points.slice(0, LONGEST);
  const space = head.lastIndexOf(" ");
  return `${space > LONGEST / 2 ? head.slice(0, space).join("") : cut(said, LONGEST - 1)}…`;
}

/**
 * The beginning of a text, of at most so many code points, that ends with a whole character.
 * @param {string} text
 * @param {number} most
 */
export function cut(text, most) {
  const points = [...text].slice(0, most);
  const whole = points.join("");
  if (whole.length === text.length || !("Segmenter" in Intl)) return whole;
  const shown = new Intl.Segmenter().segment(text);
  const at = shown.containing(whole.length)?.index ?? whole.length;
  return text.slice(0, at) || whole;
}

/** @param {string} paragraph */
const joined = (paragraph) => (paragraph.split("\n", 1)[0] ?? "").trim().split(/\s+/).join(" ");

/** @param {string} text */
function beginning(text) {
  const lines = text
    .trimStart()
    .slice(0, READ)
    .split(/\r\n?|\n/);
  let isCode = false;
  for (const [at, line] of lines.entries()) {
    if (FENCE.test(line)) isCode = !isCode;
    else if (isCode) {
      if (line.trim()) return line;
    } else if (!ONLY_MARKS.test(line)) {
      const end = lines.findIndex((other, i) => i > at && !other.trim());
      const paragraph = lines.slice(at, end < 0 ? lines.length : end).join("\n");
      // Code that begins in this line may end in one of the next.
      const said = withoutMarks(paragraph).trimStart();
      if (joined(said)) return said;
    }
  }
  return "";
}

/** @param {string} paragraph */
function withoutMarks(paragraph) {
  /** @type {string[]} */
  const code = [];
  let text = paragraph
    .replace(MARKS, "")
    .replace(CLOSING, "")
    .replace(CODE, (all, _, said) =>
      code.length < 32 ? String.fromCharCode(KEPT + code.push(said) - 1) : all,
    )
    .replace(LINK, "$1")
    .replace(ADDRESS, "$1");
  for (const strong of STRONG) text = text.replace(strong, "$2");
  return text.replace(/[\uFDD0-\uFDEF]/g, (held) => code[held.charCodeAt(0) - KEPT] ?? held);
}
