/** Choice of the entries of the palette by typed words. Pure. */

import { folded } from "../lib/folding.js";

/**
 * @typedef {object} Entry
 * @property {string} label
 * @property {string} [words] found by these, too
 */

/** Labels folded once, as every key goes through all of them. @type {WeakMap<object, string>} */
const known = new WeakMap();

/** @param {Entry} entry */
function wordsOf(entry) {
  let words = known.get(entry);
  if (words === undefined) {
    words = folded(`${entry.label} ${entry.words ?? ""}`);
    known.set(entry, words);
  }
  return words;
}

/**
 * The entries that have all typed words: those first in which words begin so.
 * @template {Entry} E
 * @param {E[]} entries in their usual order
 * @param {string} typed
 * @param {number} most
 * @returns {E[]}
 */
export function matches(entries, typed, most) {
  const wanted = folded(typed).split(/\s+/).filter(Boolean);
  if (!wanted.length) return entries.slice(0, most);
  /** @type {E[][]} */
  const ranks = [[], [], []];
  for (const entry of entries) {
    const words = wordsOf(entry);
    if (!wanted.every((word) => words.includes(word))) continue;
    const isFirst = words.startsWith(wanted[0] ?? "");
    const begin = isFirst ? 0 : wanted.every((word) => words.includes(` ${word}`)) ? 1 : 2;
    ranks[begin]?.push(entry);
  }
  return ranks.flat().slice(0, most);
}
