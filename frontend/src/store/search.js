/**
 * The search in the list of conversations, and its result in a sentence. A failed search is tried
 * again; meanwhile the titles that this page has are searched.
 */

import { Retry } from "../lib/retry.js";
import { sentences, t, tn } from "../lib/translate.js";
import { ApiError } from "../protocol/api.js";

/** The number of words that the server looks for. */
const WORDS = 8;

/**
 * @typedef {import("../protocol.js").SearchResult} Result
 *
 * @typedef {object} Parts
 * @property {(q: string, before?: string|null) => Promise<import("../protocol.js").SearchAnswer>} ask the server
 * @property {() => {id: string, title: string}[]} known conversations, archived ones too
 * @property {() => void} changed
 */

export class Search {
  /** Ids that match; null while nothing is searched. @type {ReadonlySet<string>|null} */
  found = null;
  /** The answer of the server, the newest match first. @type {Result[]|null} */
  results = null;
  /** `before` of more results. @type {string|null} */
  next = null;
  /** The result in words, or the reason that there is none. */
  note = "";
  /** True if the server could not be asked. */
  isTrouble = false;
  #q = "";
  #parts;
  #retry = new Retry(() => this.#ask());

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** @param {string} q "" for nothing */
  look(q) {
    this.#q = q;
    this.#retry.stop();
    if (q) return this.again();
    this.#show(null, "");
  }

  /** Asks again at once. */
  again() {
    this.#retry.now();
  }

  async #ask() {
    const q = this.#q;
    try {
      const answer = await this.#parts.ask(q);
      if (q === this.#q) this.#take(answer, []);
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      if (q === this.#q) this.#lookHere(problem);
      // A refused search will be refused again.
      const isFinal = problem.status >= 400 && problem.status < 500 && problem.status !== 429;
      if (!isFinal && q === this.#q) throw problem;
    }
    // A search meanwhile had to wait.
    if (q !== this.#q && this.#q) await this.#ask();
  }

  /** Adds the next page. */
  async more() {
    const { next, results } = this;
    const q = this.#q;
    if (!next || !results) return;
    this.next = null;
    try {
      const answer = await this.#parts.ask(q, next);
      if (q === this.#q) this.#take(answer, results);
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      if (q === this.#q) this.next = next;
      this.#parts.changed();
    }
  }

  /**
   * A conversation comes again with older matches: it is listed once.
   * @param {import("../protocol.js").SearchAnswer} answer
   * @param {Result[]} before
   */
  #take(answer, before) {
    const known = new Set(before.map(({ conversation }) => conversation));
    const results = [
      ...before,
      ...answer.results.filter(({ conversation }) => !known.has(conversation)),
    ];
    const hasMore = answer.next !== null;
    const note = resultText(this.#q, results.length, hasMore, answer.complete);
    this.#show(new Set(results.map(({ conversation }) => conversation)), note);
    this.results = results;
    this.next = answer.next;
    this.#parts.changed();
  }

  /** @param {ApiError} problem */
  #lookHere({ status, message }) {
    const words = this.#q.toLowerCase().split(/\s+/);
    const fits = (/** @type {string} */ title) =>
      words.every((word) => title.toLowerCase().includes(word));
    const known = this.#parts.known().filter(({ title }) => fits(title));
    const why = status ? message : t("No connection.");
    const note = sentences(why, t("Only the titles on this page were searched."));
    this.#show(new Set(known.map(({ id }) => id)), note, true);
  }

  /**
   * @param {ReadonlySet<string>|null} found
   * @param {string} note
   * @param {boolean} [isTrouble]
   */
  #show(found, note, isTrouble = false) {
    this.found = found;
    this.results = this.next = null;
    this.note = note;
    this.isTrouble = isTrouble;
    this.#parts.changed();
  }
}

/**
 * The result in words.
 * @param {string} q
 * @param {number} count
 * @param {boolean} hasMore
 * @param {boolean} isComplete
 */
function resultText(q, count, hasMore, isComplete) {
  const words = q.split(/\s+/).length;
  return sentences(
    foundText(count, hasMore),
    t("Searched titles and messages, including archived conversations."),
    words > 1 && t("A match contains all words in one title or message."),
    !isComplete && t("Older messages are still being added to the search."),
    words > WORDS && t("Only the first {n} words were searched.", { n: WORDS }),
  );
}

/**
 * @param {number} count
 * @param {boolean} hasMore
 */
function foundText(count, hasMore) {
  if (!count) return t("No matches.");
  if (hasMore) return tn("The newest {n} match.", "The newest {n} matches.", count);
  return tn("{n} match.", "{n} matches.", count);
}
