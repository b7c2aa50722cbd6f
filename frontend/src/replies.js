/** The replies of the shown conversation, as far as this page has read them. */
import { agrees, fromMessage, hasEnded } from "./reply.js";

/**
 * @typedef {import("./reply.js").Reply} Reply
 * @typedef {import("./records.js").Message} Message
 */

export class Replies {
  #wire;
  /** @type {Map<string, Reply>} */
  #known = new Map();
  /** Those whose text was asked for, with their number then. @type {Map<string, number>} */
  #asked = new Map();

  /** @param {() => import("./wire.js").Wire} wire */
  constructor(wire) {
    this.#wire = wire;
  }

  /** @param {string} id */
  get(id) {
    return this.#known.get(id);
  }

  /** @param {Reply} reply */
  set(reply) {
    this.#known.set(reply.id, reply);
  }

  /** @param {string} id */
  delete(id) {
    this.#known.delete(id);
  }

  /**
   * A reply as it stands: as it was followed, else as its message object says.
   * @param {Message} message
   * @returns {Reply}
   */
  of(message) {
    const known = this.#known.get(message.id);
    if (known && (this.#wire().isFollowing(message.id) || agrees(known, message))) return known;
    const read = fromMessage(message);
    if (known && !read.end) {
      // A frame told that it changed, not its text: what is there stays until it has been read.
      const end = hasEnded(read.status) ? known.end : null;
      return { ...known, status: read.status, reason: read.reason, end };
    }
    this.#known.set(message.id, read);
    return read;
  }

  /**
   * Follows what grows on the shown path, and reads what ended elsewhere. What is shown no more is
   * followed no more.
   * @param {Message[]} path
   */
  follow(path) {
    const wire = this.#wire();
    const shown = new Set(path.map(({ id }) => id));
    for (const id of this.#known.keys()) {
      if (shown.has(id) || !wire.isFollowing(id)) continue;
      wire.unfollow(id);
      this.#asked.delete(id);
    }
    for (const message of path) {
      if (message.role !== "assistant" || wire.isFollowing(message.id)) continue;
      const reply = this.of(message);
      if (agrees(reply, message) || this.#asked.get(message.id) === message.seq) continue;
      this.#asked.set(message.id, message.seq);
      wire.follow(reply);
    }
  }

  /** What was asked for on another connection may not have come. */
  forgetAsked() {
    this.#asked.clear();
  }

  /** Another conversation is shown. */
  clear() {
    for (const id of this.#known.keys()) this.#wire().unfollow(id);
    this.#known.clear();
    this.#asked.clear();
  }
}
