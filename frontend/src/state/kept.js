/** Conversations that stay in memory after they were shown: the last ones, within bounds. Pure. */

/** Conversations at most. */
export const MOST = 20;
/** Code units of their texts at most. */
export const MOST_TEXT = 10_000_000;

export class Kept {
  /** Size of the texts by conversation, the last shown at the end. @type {Map<string, number>} */
  #sizes = new Map();

  /**
   * Keeps a conversation.
   * @param {string} id
   * @param {number} size of its texts
   * @returns {string[]} those to be forgotten for it, it may be among them
   */
  add(id, size) {
    this.#sizes.delete(id);
    this.#sizes.set(id, size);
    let sum = [...this.#sizes.values()].reduce((total, one) => total + one, 0);
    const left = [];
    for (const [one, its] of this.#sizes) {
      if (this.#sizes.size <= MOST && sum <= MOST_TEXT) break;
      this.#sizes.delete(one);
      sum -= its;
      left.push(one);
    }
    return left;
  }

  /** @param {string} id that is shown, or gone */
  take(id) {
    this.#sizes.delete(id);
  }
}
