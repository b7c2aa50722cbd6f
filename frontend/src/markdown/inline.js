/**
 * Content of a block: emphasis, code, links, formulas, line breaks. One pass over the text
 * and one over its marks: the time grows as the text does, whatever is in it. Raw HTML is text.
 */
import { addressAt, emailAt, safeUrl } from "./addresses.js";
import { Emphasis, merged, unlinked } from "./emphasis.js";
import { environmentAt, Finder, formulaAt } from "./formulas.js";
import { linkTail, normalLabel } from "./link-tail.js";
import { charBefore, run, standsAlone, sticky, ticksOf, withoutBlanks } from "./scan.js";

/**
 * @typedef {object} Inline
 * @property {"text"|"entity"|"code"|"formula"|"break"|"em"|"strong"|"del"|"link"|"note"|TagName} type
 * @property {string} text
 * @property {string} [href]
 * @property {string} [title]
 * @property {boolean} [isDisplay]
 * @property {boolean} [isImage] a link in place of an image
 * @property {Inline[]} [children]
 * @property {number} [depth]
 *
 * @typedef {"sub"|"sup"|"kbd"|"mark"} TagName
 * @typedef {{href: string, title: string, isNote?: boolean}} Definition of a link, or of a footnote
 * @typedef {(label: string) => Definition|undefined} Define says what a label is defined as
 */

const SPECIAL = /[\\`$<!*_~[\]&\n@]|https?:\/\/|www\./gi;
const TAG = /<(?:\/?[A-Za-z][\w:.-]*(?:\s[^<>\n]{0,1000}|\/)?|[!?][^<>\n]{0,1000})>/y;
/** Tags without attributes that mean what they mean in HTML. */
const OWN_TAG = /^<(\/?)(sub|sup|kbd|mark)>$/i;
const AUTOLINK = /<([A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]{0,4000}|[\w.+-]{1,64}@[\w.-]{1,255})>/y;
const ENTITY = /&(?:#\d{1,7}|#x[\da-f]{1,6}|[a-z][a-z\d]{1,31});/iy;
const PUNCTUATION = /[!-/:-@[-`{-~]/;

/** The name of an image without a description. @type {Inline} */
const IMAGE = { type: "text", text: "image" };

/** @param {string} text @returns {Inline} */
const plain = (text) => ({ type: "text", text });

/** Deeper emphasis stays as it was written. */
const DEEPEST = 16;

/** The steps of all parsers so far, for tests of how their number grows. */
export const work = { steps: 0 };

/**
 * @param {string} text
 * @param {Define|null} [define]
 * @returns {Inline[]}
 */
export function inlines(text, define) {
  return new Parser(text, define ?? null).all();
}

class Parser {
  #text;
  #define;
  #at = 0;
  /** @type {Inline[]} */
  #out = [];
  #emphasis;
  #finder;
  /** Next positions of code marks, by their length. @type {Map<number, number[]>|null} */
  #ticks = null;
  /** @type {{at: number, out: number, isImage: boolean, marks: number}[]} */
  #brackets = [];
  /** Tags that are open: as many levels as of emphasis. @type {{name: string, out: number, marks: number}[]} */
  #tags = [];
  /** Brackets below this number hold a link already. */
  #linked = 0;
  /** Backslashes before brackets that begin no formula are shown, and so are those that end it. */
  #isLiteral = false;

  /**
   * @param {string} text
   * @param {Define|null} define
   */
  constructor(text, define) {
    this.#text = text;
    this.#define = define;
    this.#finder = new Finder(text);
    this.#emphasis = new Emphasis(this.#out, DEEPEST);
  }

  all() {
    const special = new RegExp(SPECIAL);
    while (this.#at < this.#text.length) {
      work.steps += 1;
      special.lastIndex = this.#at;
      const found = special.exec(this.#text);
      if (!found) break;
      this.#say(this.#at, found.index);
      this.#at = found.index;
      this.#one(found[0]);
    }
    this.#say(this.#at, this.#text.length);
    this.#emphasis.close(0);
    return merged(this.#out);
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  #say(from, to) {
    if (to > from) this.#put({ type: "text", text: this.#text.slice(from, to) }, to);
    else this.#at = Math.max(this.#at, to);
  }

  /**
   * @param {Inline} inline
   * @param {number} to its end in the text
   */
  #put(inline, to) {
    this.#out.push(inline);
    this.#at = to;
  }

  /** @param {string} mark */
  #one(mark) {
    const at = this.#at;
    switch (mark) {
      case "\\":
        return this.#backslash();
      case "`":
        return this.#code();
      case "$":
        return this.#formula(this.#text.startsWith("$$", at) ? 2 : 1);
      case "<":
        return this.#angle();
      case "&":
        return this.#entity();
      case "\n":
        return this.#lineBreak(at + 1);
      case "*":
      case "_":
      case "~":
        return this.#delimiters(mark);
      case "[":
        return this.#open(1, false);
      case "!":
        return this.#text[at + 1] === "[" ? this.#open(2, true) : this.#say(at, at + 1);
      case "]":
        return this.#close();
      case "@":
        return this.#email();
      default:
        return this.#address(mark);
    }
  }

  #backslash() {
    const at = this.#at;
    const next = this.#text[at + 1] ?? "";
    if (next === "\n") return this.#lineBreak(at + 2);
    if (next === "(" || next === "[") {
      const formula = formulaAt(this.#text, at, this.#finder);
      if (formula) return this.#set(formula, next === "[");
      this.#isLiteral = true;
      return this.#say(at, at + 2);
    }
    if ((next === ")" || next === "]") && this.#isLiteral) return this.#say(at, at + 2);
    const environment = next === "b" ? environmentAt(this.#text, at, this.#finder) : null;
    if (environment) return this.#set(environment, true);
    if (!PUNCTUATION.test(next)) return this.#say(at, at + 1);
    this.#put({ type: "text", text: next }, at + 2);
  }

  #code() {
    const at = this.#at;
    const length = run(this.#text, at);
    this.#ticks ??= ticksOf(this.#text);
    const places = this.#ticks.get(length) ?? [];
    while (places.length && (places.at(-1) ?? 0) <= at) places.pop();
    const end = places.at(-1);
    if (end === undefined) return this.#say(at, at + length);
    const code = this.#text.slice(at + length, end).replace(/\n/g, " ");
    const isPadded = code.startsWith(" ") && code.endsWith(" ") && code.trim() !== "";
    this.#put({ type: "code", text: isPadded ? code.slice(1, -1) : code }, end + length);
  }

  /** @param {number} length of its mark */
  #formula(length) {
    const formula = formulaAt(this.#text, this.#at, this.#finder);
    if (!formula) return this.#say(this.#at, this.#at + length);
    this.#set(formula, length === 2);
  }

  /**
   * @param {import("./formulas.js").Formula} formula
   * @param {boolean} mayStandAlone
   */
  #set({ tex, end }, mayStandAlone) {
    const isDisplay = mayStandAlone && standsAlone(this.#text, this.#at, end);
    this.#put({ type: "formula", text: tex, isDisplay }, end);
  }

  #angle() {
    const at = this.#at;
    const address = sticky(AUTOLINK, this.#text, at);
    if (address) {
      const inner = address.slice(1, -1);
      const href = inner.includes(":") ? inner : `mailto:${inner}`;
      if (safeUrl(href)) return this.#link(href, inner, at + address.length);
    }
    if (this.#text.startsWith("<!--", at)) {
      const end = this.#finder.next("-->", at + 4) + 3;
      return Number.isFinite(end) ? this.#lines(at, end) : this.#say(at, at + 4);
    }
    const tag = sticky(TAG, this.#text, at);
    if (!tag) return this.#say(at, at + 1);
    if (/^<br\s*\/?>$/i.test(tag)) return this.#lineBreak(at + tag.length);
    const [, slash, name = ""] = OWN_TAG.exec(tag) ?? [];
    if (name && (slash ? this.#closeTag(name, tag) : this.#openTag(name))) return;
    this.#say(at, at + tag.length);
  }

  /**
   * Notes a tag that may be closed later; until then it is text.
   * @param {string} name
   * @returns {false}
   */
  #openTag(name) {
    if (this.#tags.length < DEEPEST) {
      const out = this.#out.length;
      this.#tags.push({ name: name.toLowerCase(), out, marks: this.#emphasis.height });
    }
    return false;
  }

  /**
   * @param {string} name
   * @param {string} tag
   * @returns {boolean} false if no such tag is open
   */
  #closeTag(name, tag) {
    const type = /** @type {TagName} */ (name.toLowerCase());
    const depth = this.#tags.findLastIndex((one) => one.name === type);
    const opening = this.#tags[depth];
    if (!opening) return false;
    this.#tags.length = depth;
    // A bracket within it that is not closed is text.
    while ((this.#brackets.at(-1)?.out ?? 0) > opening.out) this.#brackets.pop();
    this.#linked = Math.min(this.#linked, this.#brackets.length);
    this.#emphasis.close(opening.marks);
    const children = merged(this.#out.splice(opening.out).slice(1));
    this.#put({ type, text: "", children }, this.#at + tag.length);
    return true;
  }

  /**
   * Lines as they are.
   * @param {number} from
   * @param {number} to
   */
  #lines(from, to) {
    for (let at = this.#text.indexOf("\n", from); at >= 0 && at < to; ) {
      this.#say(from, at);
      this.#lineBreak(at + 1);
      from = Math.min(this.#at, to);
      at = this.#text.indexOf("\n", from);
    }
    this.#say(from, to);
  }

  #entity() {
    const entity = sticky(ENTITY, this.#text, this.#at);
    if (!entity) return this.#say(this.#at, this.#at + 1);
    this.#put({ type: "entity", text: entity }, this.#at + entity.length);
  }

  /**
   * Models break lines where they mean it: in poems, addresses, lyrics.
   * @param {number} from the next line
   */
  #lineBreak(from) {
    const last = this.#out.at(-1);
    if (last?.type === "text") last.text = withoutBlanks(last.text);
    let at = from;
    while (this.#text[at] === " " || this.#text[at] === "\t" || this.#text[at] === "\n") at += 1;
    this.#put({ type: "break", text: "\n" }, at);
  }

  /** @param {string} mark */
  #delimiters(mark) {
    const at = this.#at;
    const length = run(this.#text, at);
    this.#put({ type: "text", text: mark.repeat(length) }, at + length);
    const before = charBefore(this.#text, at);
    const after = String.fromCodePoint(this.#text.codePointAt(at + length) ?? 32);
    this.#emphasis.add(mark, length, before, after);
  }

  /**
   * @param {number} length
   * @param {boolean} isImage
   */
  #open(length, isImage) {
    const at = this.#at;
    const marks = this.#emphasis.height;
    this.#brackets.push({ at: at + length, out: this.#out.length, isImage, marks });
    this.#say(at, at + length);
  }

  #close() {
    const at = this.#at;
    const opening = this.#brackets.pop();
    if (!opening) return this.#say(at, at + 1);
    const isLinked = this.#brackets.length < this.#linked;
    this.#linked = Math.min(this.#linked, this.#brackets.length);
    const found = isLinked && !opening.isImage ? null : this.#target(opening.at, at);
    if (!found) return this.#say(at, at + 1);
    while ((this.#tags.at(-1)?.out ?? 0) > opening.out) this.#tags.pop();
    if (found.isNote) return this.#note(opening, at);
    this.#emphasis.close(opening.marks);
    const children = merged(this.#out.splice(opening.out).slice(1).flatMap(unlinked));
    if (!opening.isImage) this.#linked = this.#brackets.length;
    const { href, title, end } = found;
    if (!safeUrl(href)) {
      // An address of this site, or one that runs something: its words, and where it would lead.
      this.#out.push(...(children.length ? children : [IMAGE]));
      const source = this.#text.slice(at + 1, end);
      return this.#put({ type: "text", text: source.startsWith("(") ? ` ${source}` : "" }, end);
    }
    const label = children.length ? children : [opening.isImage ? IMAGE : plain(href)];
    /** @type {Inline} */
    const link = { type: "link", text: "", href, title, children: /** @type {any} */ (label) };
    if (opening.isImage) link.isImage = true;
    this.#put(link, end);
  }

  /**
   * The mark of a footnote.
   * @param {{at: number, out: number, marks: number}} opening
   * @param {number} at of its closing bracket
   */
  #note({ at: from, out, marks }, at) {
    this.#emphasis.close(marks);
    this.#out.length = out;
    this.#put({ type: "note", text: this.#text.slice(from + 1, at) }, at + 1);
  }

  /**
   * @param {number} from of the label
   * @param {number} to
   * @returns {(Definition & {end: number})|null}
   */
  #target(from, to) {
    const text = this.#text;
    if (text[from] === "^") {
      const note = this.#define?.(normalLabel(text.slice(from, Math.min(to, from + 200))));
      if (note?.isNote) return { ...note, end: to + 1 };
    }
    if (text[to + 1] === "(") {
      const tail = this.#finder.next(")", to + 2) < text.length ? linkTail(text, to + 1) : null;
      if (tail) return tail;
    }
    let label = text.slice(from, Math.min(to, from + 1000));
    let end = to + 1;
    if (text[end] === "[") {
      const close = this.#finder.next("]", end);
      if (close < end + 1000) {
        if (close > end + 1) label = text.slice(end + 1, close);
        end = close + 1;
      }
    }
    const definition = this.#define && label ? this.#define(normalLabel(label)) : undefined;
    return definition ? { ...definition, end } : null;
  }

  /**
   * @param {string} href
   * @param {string} label
   * @param {number} end
   */
  #link(href, label, end) {
    const children = /** @type {Inline[]} */ ([{ type: "text", text: label }]);
    this.#put({ type: "link", text: "", href, title: "", children }, end);
  }

  /** @param {string} mark */
  #address(mark) {
    const at = this.#at;
    const address = addressAt(this.#text, at, mark);
    if (!address) return this.#say(at, at + mark.length);
    this.#link(address.href, this.#text.slice(at, address.end), address.end);
  }

  #email() {
    const at = this.#at;
    const last = this.#out.at(-1);
    const email = last?.type === "text" ? emailAt(this.#text, at, last.text) : null;
    if (!last || !email) return this.#say(at, at + 1);
    last.text = last.text.slice(0, -email.name.length);
    const address = `${email.name}@${email.host}`;
    this.#link(`mailto:${address}`, address, at + 1 + email.host.length);
  }
}
