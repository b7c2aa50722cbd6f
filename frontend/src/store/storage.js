/** Storage of the outbox. */

/** @typedef {import("../state/outbox.js").Store} Store */

/**
 * The browser's storage, or one that forgets where it is forbidden.
 * @returns {Store}
 */
export function browserStorage() {
  try {
    localStorage.getItem("parley");
    return localStorage;
  } catch {
    return new MemoryStorage();
  }
}

/** @implements {Store} */
export class MemoryStorage {
  /** @type {Map<string, string>} */
  #items = new Map();

  get length() {
    return this.#items.size;
  }

  /** @param {number} i */
  key(i) {
    return [...this.#items.keys()][i] ?? null;
  }

  /** @param {string} key */
  getItem(key) {
    return this.#items.get(key) ?? null;
  }

  /**
   * @param {string} key
   * @param {string} value
   */
  setItem(key, value) {
    this.#items.set(key, value);
  }

  /** @param {string} key */
  removeItem(key) {
    this.#items.delete(key);
  }
}
