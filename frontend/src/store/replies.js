/** The replies of the shown conversation, as far as this page has read them. */
import { agrees, fromMessage, hasEnded } from "../state/reply.js";

/**
 * @typedef {import("../state/reply.js").Reply} Reply
 * @typedef {import("../state/records.js").Message} Message
 */

export class Replies {
  #client;
  /** @type {Map<string, Reply>} */
  #known = new Map();
  /** Replies with a requested text, and their number then. @type {Map<string, number>} */
  #asked = new Map();

  /** @param {() => import("../protocol/protocol-client.js").ProtocolClient} client */
  constructor(client) {
    this.#client = client;
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
    if (known && (this.#client().isFollowing(message.id) || agrees(known, message))) return known;
    const read = fromMessage(message);
    if (known && !read.end) {
      // The frame of a change has no text: the old one stays until the new one has been read.
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
    const client = this.#client();
    const shown = new Set(path.map(({ id }) => id));
    for (const id of this.#known.keys()) {
      if (shown.has(id) || !client.isFollowing(id)) continue;
      client.unfollow(id);
      this.#asked.delete(id);
    }
    for (const message of path) {
      if (message.role !== "assistant" || client.isFollowing(message.id)) continue;
      const reply = this.of(message);
      if (agrees(reply, message) || this.#asked.get(message.id) === message.seq) continue;
      this.#asked.set(message.id, message.seq);
      client.follow(reply);
    }
  }

  /** Forget requests of another connection, whose answers may not come. */
  forgetAsked() {
    this.#asked.clear();
  }

  /** Follows nothing more: another conversation is shown. What was read stays known. */
  leave() {
    for (const id of this.#known.keys()) this.#client().unfollow(id);
    this.#asked.clear();
  }

  /** @param {Iterable<string>} ids of replies that are to be read again when they are shown */
  forget(ids) {
    for (const id of ids) this.#known.delete(id);
  }
}
