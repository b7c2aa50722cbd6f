/**
 * Conversations in which a reply has ended since they were last shown. Only ids are kept, in the
 * browser's storage, where its other tabs read them.
 */

/** The most ids of each kind. */
const MOST = 200;

/** @typedef {{id: string, running: boolean}} Known */

export class Unread {
  #storage;
  #key;

  /**
   * @param {import("../state/outbox.js").Store} storage
   * @param {string} key
   */
  constructor(storage, key) {
    this.#storage = storage;
    this.#key = key;
  }

  /** @param {string} id */
  has(id) {
    return this.#read().unread.has(id);
  }

  /**
   * Compares the conversations with how they were last seen.
   * @param {Known[]} conversations
   * @param {string} place the shown one
   * @returns {ReadonlySet<string>} ids of those with a new reply
   */
  look(conversations, place) {
    const { running, unread } = this.#read();
    const before = [...running, "", ...unread].join();
    for (const { id, running: isRunning } of conversations) {
      if (isRunning) running.add(id);
      else if (running.delete(id)) unread.add(id);
    }
    unread.delete(place);
    if ([...running, "", ...unread].join() !== before) this.#write(running, unread);
    return unread;
  }

  /** @returns {{running: Set<string>, unread: Set<string>}} */
  #read() {
    try {
      const { running, unread } = JSON.parse(this.#storage.getItem(this.#key) ?? "");
      return { running: new Set(running), unread: new Set(unread) };
    } catch {
      return { running: new Set(), unread: new Set() };
    }
  }

  /**
   * @param {Set<string>} running
   * @param {Set<string>} unread
   */
  #write(running, unread) {
    // Deleted conversations stay in it until others push them out.
    const kept = { running: [...running].slice(-MOST), unread: [...unread].slice(-MOST) };
    try {
      if (running.size || unread.size) this.#storage.setItem(this.#key, JSON.stringify(kept));
      else this.#storage.removeItem(this.#key);
    } catch {
      // Storage is full: the marks are missing then.
    }
  }
}
