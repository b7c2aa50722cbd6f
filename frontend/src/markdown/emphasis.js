/**
 * Pairs of `*`, `_` and `~~`: CommonMark's rules, with which each mark is looked at a
 * few times at most, and with the amendment for Chinese, Japanese and Korean, which have no blanks
 * between words: `**「重要」**です`.
 */

const BLANK = /\s/u;
const MARK = /[\p{P}\p{S}]/u;
const CJK =
  /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}\p{scx=Bopomofo}\u3000-\u303f\uff00-\uffef]/u;

/**
 * @typedef {import("./inline.js").Inline} Inline
 *
 * @typedef {object} Delimiters a run of one mark
 * @property {Inline} node the text that shows what is left of them
 * @property {string} mark
 * @property {number} left
 * @property {number} length at first
 * @property {boolean} opens
 * @property {boolean} closes
 */

export class Emphasis {
  #out;
  #deepest;
  /** @type {Delimiters[]} */
  #runs = [];

  /**
   * @param {Inline[]} out
   * @param {number} deepest
   */
  constructor(out, deepest) {
    this.#out = out;
    this.#deepest = deepest;
  }

  /** Number of open runs. */
  get height() {
    return this.#runs.length;
  }

  /**
   * A run whose text is the last of what is out.
   * @param {string} mark
   * @param {number} length
   * @param {string} before
   * @param {string} after
   */
  add(mark, length, before, after) {
    // A single tilde is one: `2~3`.
    if (mark === "~" && length !== 2) return;
    const node = /** @type {Inline} */ (this.#out.at(-1));
    const left = flanks(after, before);
    const right = flanks(before, after);
    const isWord = mark === "_";
    const opens = left && (!isWord || !right || MARK.test(before));
    const closes = right && (!isWord || !left || MARK.test(after));
    if (opens || closes) this.#runs.push({ node, mark, left: length, length, opens, closes });
  }

  /**
   * Settles all runs from this height on, and forgets them.
   * @param {number} height
   */
  close(height) {
    const runs = this.#runs.splice(height);
    if (runs.length < 2) return;
    const pairs = pairsOf(runs);
    if (pairs.length) this.#nest(runs, pairs);
  }

  /**
   * Puts what is between each pair into an element of its own; inner pairs come before outer ones.
   * @param {Delimiters[]} runs
   * @param {Pair[]} pairs
   */
  #nest(runs, pairs) {
    /** Pairs that begin after a run, and that end before it. @type {Map<Inline, Pair[]>} */
    const begins = new Map();
    /** @type {Map<Inline, Pair[]>} */
    const ends = new Map();
    for (const pair of pairs) {
      push(begins, pair.opener.node, pair);
      push(ends, pair.closer.node, pair);
    }
    const first = this.#out.lastIndexOf(/** @type {Delimiters} */ (runs[0]).node);
    const nodes = this.#out.splice(first);
    /** @type {{pair: Pair|null, children: Inline[]}[]} */
    const stack = [{ pair: null, children: [] }];
    const say = (/** @type {Inline} */ node) => stack.at(-1)?.children.push(node);
    for (const node of nodes) {
      for (const pair of ends.get(node) ?? []) {
        if (stack.at(-1)?.pair !== pair) say(written(pair));
        else {
          const children = merged(stack.pop()?.children ?? []);
          const type = pair.mark === "~" ? "del" : pair.length === 2 ? "strong" : "em";
          say({ type, text: "", children });
        }
      }
      say(node);
      // The outer pairs of a run were found last.
      for (const pair of (begins.get(node) ?? []).reverse()) {
        if (stack.length > this.#deepest) say(written(pair));
        else stack.push({ pair, children: [] });
      }
    }
    for (const child of stack[0]?.children ?? []) this.#out.push(child);
  }
}

/** @typedef {{opener: Delimiters, closer: Delimiters, mark: string, length: number}} Pair */

/**
 * @param {Delimiters[]} runs
 * @returns {Pair[]} in the order in which they close, inner ones first
 */
function pairsOf(runs) {
  /** @type {Pair[]} */
  const pairs = [];
  /** Runs that may still open something. @type {number[]} */
  const open = [];
  /** Height below which a kind of closer has no opener. @type {Map<string, number>} */
  const bottoms = new Map();
  for (const [at, closer] of runs.entries()) {
    while (closer.closes && closer.left > 0) {
      const kind = `${closer.mark}${closer.opens}${closer.length % 3}`;
      const bottom = Math.min(bottoms.get(kind) ?? 0, open.length);
      let i = open.length - 1;
      while (i >= bottom && !matches(/** @type {any} */ (runs[open[i] ?? 0]), closer)) i -= 1;
      if (i < bottom) {
        bottoms.set(kind, open.length);
        break;
      }
      open.length = i + 1;
      for (const [one, height] of bottoms) if (height > i) bottoms.set(one, i);
      const opener = /** @type {Delimiters} */ (runs[open[i] ?? 0]);
      const length = opener.left >= 2 && closer.left >= 2 ? 2 : 1;
      opener.left -= length;
      closer.left -= length;
      opener.node.text = opener.mark.repeat(opener.left);
      closer.node.text = closer.mark.repeat(closer.left);
      pairs.push({ opener, closer, mark: closer.mark, length });
      if (opener.left === 0) open.pop();
    }
    if (closer.opens && closer.left > 0) open.push(at);
  }
  return pairs;
}

/**
 * @param {Delimiters} opener
 * @param {Delimiters} closer
 */
function matches(opener, closer) {
  if (opener.mark !== closer.mark) return false;
  const isEither = (opener.opens && opener.closes) || (closer.opens && closer.closes);
  if (!isEither || closer.mark === "~") return true;
  if ((opener.length + closer.length) % 3) return true;
  return opener.length % 3 === 0 && closer.length % 3 === 0;
}

/**
 * True if a run stands at the side of a word: not beside a blank, nor between a mark and a word.
 * @param {string} inner the character at the side in question
 * @param {string} outer the one at the other side
 */
function flanks(inner, outer) {
  if (BLANK.test(inner)) return false;
  if (!MARK.test(inner) || CJK.test(inner)) return true;
  return BLANK.test(outer) || MARK.test(outer) || CJK.test(outer);
}

/**
 * @template Key, Value
 * @param {Map<Key, Value[]>} map
 * @param {Key} key
 * @param {Value} value
 */
function push(map, key, value) {
  const known = map.get(key);
  if (known) known.push(value);
  else map.set(key, [value]);
}

/**
 * The marks of a pair that is too deep to be shown.
 * @param {Pair} pair
 * @returns {Inline}
 */
const written = ({ mark, length }) => ({ type: "text", text: mark.repeat(length) });

/**
 * Neighbouring texts as one.
 * @param {Inline[]} inlines
 */
export function merged(inlines) {
  /** @type {Inline[]} */
  const out = [];
  for (const inline of inlines) {
    const last = out.at(-1);
    if (inline.type === "text" && last?.type === "text") last.text += inline.text;
    else if (inline.type !== "text" || inline.text) out.push(inline);
  }
  return out;
}

/**
 * Links in the label of a link are their labels.
 * @param {Inline} inline
 */
export const unlinked = (inline) => (inline.type === "link" ? (inline.children ?? []) : [inline]);
