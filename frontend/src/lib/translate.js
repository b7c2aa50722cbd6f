/**
 * Sentences, numbers and lists in the language of the page. English is in the source; another
 * language has a catalogue, which a script of the page sets before any other script needs it.
 *
 * Each sentence is one string literal, with names in braces for its values, so that `make messages`
 * finds it: `t("Hello {name}", { name })`.
 */

/**
 * @typedef {object} Catalogue the content of a file that `catalogues.js` builds
 * @property {string} language its BCP 47 tag
 * @property {(count: number) => number} plural the position of the form for a count
 * @property {Record<string, string|string[]>} messages by `keyOf`
 *
 * @typedef {string|number} Value numbers are written as the language writes them
 */

import { quoted } from "./bidi.js";

/** Separates a context from its word, as in gettext. */
const CONTEXT = "\u0004";

/** @returns {Catalogue|undefined} */
const catalogue = () => globalThis.parleyCatalogue;

/** The language of the page, as `Intl` takes it. */
export const language = () => catalogue()?.language ?? "en";

/**
 * The language of dates: English ones have the day first, as in all of Parley.
 * @returns {string}
 */
export const dateLanguage = () => catalogue()?.language ?? "en-GB";

/**
 * A number as the language writes it.
 * @param {number} value
 * @param {Intl.NumberFormatOptions} [options]
 */
export const number = (value, options) => value.toLocaleString(language(), options);

/**
 * Puts values into a sentence. A name without a value stays.
 * @param {string} sentence
 * @param {Record<string, Value>} [values]
 */
function filled(sentence, values = {}) {
  return sentence.replace(/\{(\w+)\}/g, (all, name) =>
    Object.hasOwn(values, name) ? shown(values[name] ?? "") : all,
  );
}

/**
 * A name that is written from right to left does not turn the sentence around it.
 * @param {Value} value
 */
const shown = (value) => (typeof value === "number" ? number(value) : quoted(value));

/**
 * The sentence of the catalogue, else the English one.
 * @param {string} sentence
 * @param {string} [context]
 */
function translated(sentence, context) {
  const key = context ? context + CONTEXT + sentence : sentence;
  const found = catalogue()?.messages[key];
  return typeof found === "string" ? found : sentence;
}

/**
 * A sentence with its values.
 * @type {<S extends string>(sentence: S, ...values: Values<S>) => string}
 */
export const t = (sentence, ...[values]) => filled(translated(sentence), values);

/**
 * A short word that needs a context to be translated.
 * @type {<S extends string>(context: string, word: S, ...values: Values<S>) => string}
 */
export const tc = (context, word, ...[values]) => filled(translated(word, context), values);

/**
 * The sentence for a count, which is `{n}` in it.
 * @type {<S extends string>(one: string, many: S, n: number, ...values: Values<S, "n">) => string}
 */
export const tn = (one, many, n, ...[values]) => {
  const found = catalogue();
  const forms = found?.messages[one];
  const form = Array.isArray(forms) ? forms[found?.plural(n) ?? 0] : undefined;
  return filled(form ?? (n === 1 ? one : many), { n, ...values });
};

/**
 * A sentence in pieces, with elements among its values.
 * @type {<S extends string>(sentence: S, values: Record<Names<S>, Value|Node>) => (string|Node)[]}
 */
export const tparts = (sentence, values) =>
  translated(sentence)
    .split(/\{(\w+)\}/)
    .map((part, i) => {
      if (i % 2 === 0) return part;
      const value = /** @type {Record<string, Value|Node>} */ (values)[part];
      return typeof value === "object" ? value : shown(value ?? `{${part}}`);
    });

/**
 * Marks a sentence that is translated elsewhere.
 * @template {string} S
 * @param {S} sentence
 */
export const msg = (sentence) => sentence;

/**
 * A sentence that was marked by `msg`, with its values.
 * @param {string} sentence
 * @param {Record<string, Value>} values
 */
export const translate = (sentence, values) => filled(translated(sentence), values);

/**
 * Whole sentences one after the other, without those that are empty.
 * @param {...(string|null|undefined|false)} sentences
 */
export const sentences = (...sentences) =>
  sentences.filter(Boolean).join(/^(zh|ja)/.test(language()) ? "" : " ");

/**
 * Short facts one after the other.
 * @param {string[]} parts
 */
export const list = (parts) =>
  new Intl.ListFormat(language(), { type: "unit" }).format(parts.map(quoted));

/**
 * A time from now in words: "in 2 minutes".
 * @param {number} count
 * @param {"second"|"minute"|"hour"|"day"} unit
 */
export const later = (count, unit) => new Intl.RelativeTimeFormat(language()).format(count, unit);
