/** Functions on the characters of a text. */

/**
 * Number of repetitions of the character at `at`.
 * @param {string} text
 * @param {number} at
 */
export function run(text, at) {
  let end = at + 1;
  while (text[end] === text[at]) end += 1;
  return end - at;
}

/**
 * The places of all runs of backticks by length, the last ones first.
 * @param {string} text
 */
export function ticksOf(text) {
  /** @type {Map<number, number[]>} */
  const found = new Map();
  for (const { 0: ticks, index } of text.matchAll(/`+/g)) {
    const places = found.get(ticks.length);
    if (places) places.push(index);
    else found.set(ticks.length, [index]);
  }
  for (const places of found.values()) places.reverse();
  return found;
}

/**
 * @param {RegExp} pattern a sticky one
 * @param {string} text
 * @param {number} at
 */
export function sticky(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}

/**
 * @param {string} text
 * @param {number} at
 */
export function charBefore(text, at) {
  const low = text[at - 1] ?? " ";
  return low >= "\udc00" && low <= "\udfff" ? text.slice(at - 2, at) : low;
}

/** @param {string} one */
export const isCjk = (one) =>
  /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}]/u.test(one);

/**
 * True if nothing else stands on the lines of a part.
 * @param {string} text
 * @param {number} from
 * @param {number} to
 */
export function standsAlone(text, from, to) {
  while (text[from - 1] === " ") from -= 1;
  while (text[to] === " ") to += 1;
  return (text[from - 1] ?? "\n") === "\n" && (text[to] ?? "\n") === "\n";
}

/**
 * A text without the blanks at its end.
 * @param {string} text
 */
export function withoutBlanks(text) {
  let end = text.length;
  while (text[end - 1] === " " || text[end - 1] === "\t") end -= 1;
  return text.slice(0, end);
}
