/**
 * Client of the protocol: repeats requests until they are answered, follows replies from their
 * positions, and acknowledges.
 */

import { sha256 } from "../lib/sha256.js";
import { apply, hasAnnouncedLength, positionOf, unknown } from "../state/reply.js";

/** The version of the protocol this page was written for. */
export const VERSION = 1;

const ACK_MS = 1000;
const ACK_BYTES = 64 * 1024;

/** Errors that say nothing about the request itself. */
const TEMPORARY = new Set(["rate_limited", "draining", "unavailable"]);

/**
 * @typedef {import("../state/reply.js").Reply} Reply
 *
 * @typedef {import("../protocol.js").ChangesAnswer & {type: "changes", since: number}} ChangesFrame
 *   the answer to `changes`, where HTTP stands in for the WebSocket
 *
 * @typedef {Extract<import("../protocol.js").ClientFrame, {id: string}>} RequestFrame repeated until
 *   it is answered
 *
 * @typedef {Omit<import("../protocol.js").ErrorFrame, "retry_after"> &
 *   {retry_after: number|null}} Refusal with the seconds until it is tried again, if it is
 *
 * @typedef {object} Connection a WebSocket, or what does the same
 * @property {() => void} connect
 * @property {(frame: import("../protocol.js").ClientFrame) => void} send
 * @property {() => void} ready the server has greeted
 * @property {boolean} isFallback
 *
 * @typedef {object} Followed
 * @property {Reply} reply
 * @property {number} unacknowledged bytes
 * @property {number} acknowledged when, in milliseconds
 * @property {boolean} asked a follow is under way to close a gap
 * @property {boolean} again it was followed once more because its end did not fit
 *
 * @typedef {object} Handlers
 * @property {(connection: import("./socket.js").Connection) => void} connection
 * @property {(frame: import("../protocol.js").ReadyFrame) => void} ready
 * @property {(frame: import("../protocol.js").AcceptedFrame) => void} accepted
 * @property {(frame: import("../state/records.js").ChangeFrame) => void} changed
 * @property {(frame: ChangesFrame) => void} changes
 * @property {(seq: number) => void} counter
 * @property {(id: string) => Reply|undefined} known what is shown of a reply that had ended
 * @property {(reply: Reply, before: Reply) => void} reply
 * @property {(id: string) => void} lost the reply is not there any more
 * @property {(frame: Refusal) => void} error
 */

export class ProtocolClient {
  #socket;
  #handlers;
  #isReady = false;
  /** Requests without an answer, by id. @type {Map<string, RequestFrame>} */
  #requests = new Map();
  /** @type {Set<string>} */
  #stopping = new Set();
  /** Replies of them that were followed on this connection. @type {Set<string>} */
  #stopSent = new Set();
  /** @type {Map<string, Followed>} */
  #followed = new Map();
  /** @type {string|null} */
  #shown = null;

  /**
   * @param {(own: import("./socket.js").Handlers) => Connection} make speaks to the server
   * @param {Handlers} handlers
   */
  constructor(make, handlers) {
    this.#handlers = handlers;
    this.#socket = make({
      message: (data) => this.#receive(data),
      change: (connection) => {
        if (connection.state !== "open") this.#isReady = false;
        handlers.connection(connection);
      },
    });
  }

  connect() {
    this.#socket.connect();
  }

  /** True if HTTP stands in for the WebSocket. */
  get isFallback() {
    return this.#socket.isFallback;
  }

  get isReady() {
    return this.#isReady;
  }

  /**
   * Sends a frame with a client-made id, and again after every reconnect until it is answered.
   * @param {RequestFrame} frame
   */
  request(frame) {
    this.#requests.set(frame.id, frame);
    if (this.#isReady) this.#socket.send(frame);
  }

  /**
   * Gives up a request.
   * @param {string} id
   */
  forget(id) {
    this.#requests.delete(id);
  }

  /**
   * Says which temporary conversation is shown: it is deleted some time after.
   * @param {string|null} id
   */
  show(id) {
    if (id === this.#shown) return;
    this.#shown = id;
    if (this.#isReady) this.#socket.send({ type: "show", conversation: id });
  }

  /** @param {string} id */
  stop(id) {
    this.#stopping.add(id);
    if (this.#isReady) this.#sendStop(id);
  }

  /** @param {string} id */
  #sendStop(id) {
    this.#stopSent.add(id);
    this.#socket.send({ type: "stop", reply: id });
  }

  /** @param {string} id */
  isStopping(id) {
    return this.#stopping.has(id);
  }

  /** @param {string} id */
  isFollowing(id) {
    return this.#followed.has(id);
  }

  /**
   * Follows a reply from where it stands, until its end.
   * @param {Reply} reply
   */
  follow(reply) {
    this.#watch(reply);
    if (this.#isReady) this.#sendFollow(reply);
  }

  /** @param {string} id */
  unfollow(id) {
    if (this.#followed.delete(id) && this.#isReady) {
      this.#socket.send({ type: "unfollow", reply: id });
    }
  }

  /** @param {Reply} reply */
  #watch(reply) {
    const followed = { unacknowledged: 0, acknowledged: Date.now(), asked: false, again: false };
    this.#followed.set(reply.id, { reply: { ...reply, gap: false }, ...followed });
  }

  /** @param {Reply} reply */
  #sendFollow(reply) {
    this.#socket.send({ type: "follow", reply: reply.id, ...positionOf(reply) });
  }

  /** @param {string} data */
  #receive(data) {
    try {
      this.#handle(JSON.parse(data), data.length);
    } catch (problem) {
      // A bad frame must not end the page.
      console.error("parley: a frame could not be handled", problem);
    }
  }

  /**
   * @param {import("../protocol.js").ServerFrame | ChangesFrame} frame
   * @param {number} size
   */
  #handle(frame, size) {
    switch (frame.type) {
      case "ready":
        return this.#ready(frame);
      case "accepted":
        return this.#accepted(frame);
      case "status":
      case "snapshot":
      case "delta":
      case "end":
        return this.#advance(frame, size);
      case "conversation":
      case "message":
      case "folder":
        return this.#handlers.changed(frame);
      case "changes":
        return this.#handlers.changes(frame);
      case "error":
        return this.#error(frame);
      case "ping":
        for (const followed of this.#followed.values()) this.#acknowledge(followed);
        return this.#handlers.counter(frame.seq ?? 0);
      case "pong":
        return undefined;
      default:
        // A newer server may send it.
        console.info("parley: unknown frame", /** @type {{type: unknown}} */ (frame).type);
    }
  }

  /** @param {import("../protocol.js").ReadyFrame} frame */
  #ready(frame) {
    this.#isReady = true;
    this.#stopSent.clear();
    this.#socket.ready();
    this.#handlers.ready(frame);
    for (const { reply } of [...this.#followed.values()]) this.follow(reply);
    if (this.#shown) this.#socket.send({ type: "show", conversation: this.#shown });
    for (const request of this.#requests.values()) this.#socket.send(request);
    // A followed reply first sends its position: its end must not come before its last text.
    for (const id of this.#stopping) if (!this.#followed.has(id)) this.#sendStop(id);
  }

  /** @param {import("../protocol.js").AcceptedFrame} frame */
  #accepted(frame) {
    const isLeaving = this.#requests.get(frame.id)?.type === "withdraw";
    this.#requests.delete(frame.id);
    if (!isLeaving) {
      // The server has begun to follow it here, from 0, 0, 0.
      const known = this.#followed.get(frame.reply)?.reply ?? this.#handlers.known(frame.reply);
      this.#watch(known ?? unknown(frame.reply));
    }
    this.#handlers.accepted(frame);
  }

  /**
   * @param {import("../state/reply.js").ReplyFrame} frame
   * @param {number} size
   */
  #advance(frame, size) {
    const followed = this.#followed.get(frame.reply);
    if (!followed) {
      // `stop` is answered by the end, also where the reply is not followed.
      if (frame.type === "end") this.#stopping.delete(frame.reply);
      return;
    }
    const before = followed.reply;
    followed.reply = apply(before, frame);
    if (frame.type === "snapshot") followed.asked = false;
    if (followed.reply.gap) return this.#askAgain(followed);
    followed.asked = false;
    followed.unacknowledged += size;
    const due = Date.now() - followed.acknowledged >= ACK_MS;
    if (frame.type === "end" || due || followed.unacknowledged >= ACK_BYTES) {
      this.#acknowledge(followed);
    }
    if (frame.type === "end") this.#ended(followed, before);
    else this.#handlers.reply(followed.reply, before);
    if (this.#stopping.has(frame.reply) && !this.#stopSent.has(frame.reply)) {
      this.#sendStop(frame.reply);
    }
  }

  /** @param {Followed} followed */
  #askAgain(followed) {
    followed.reply = { ...followed.reply, gap: false };
    if (followed.asked) return;
    followed.asked = true;
    this.#sendFollow(followed.reply);
  }

  /** @param {Followed} followed */
  #acknowledge(followed) {
    if (followed.unacknowledged === 0) return;
    followed.unacknowledged = 0;
    followed.acknowledged = Date.now();
    const { reply } = followed;
    this.#socket.send({ type: "ack", reply: reply.id, ...positionOf(reply) });
  }

  /**
   * @param {Followed} followed
   * @param {Reply} before
   */
  #ended(followed, before) {
    const { reply, again } = followed;
    this.#stopping.delete(reply.id);
    this.#followed.delete(reply.id);
    if (!hasAnnouncedLength(reply) && !again) return this.#readAgain(reply);
    this.#handlers.reply(reply, before);
    if (again || !reply.end?.sha256) return;
    sha256(reply.text).then(
      (hash) => {
        if (hash !== reply.end?.sha256 && !this.#followed.has(reply.id)) this.#readAgain(reply);
      },
      (problem) => console.warn("parley: no hash", problem),
    );
  }

  /**
   * The text is not what the end announced: the whole of it once more.
   * @param {Reply} reply
   */
  #readAgain(reply) {
    console.warn("parley: a reply did not fit its end, reading it again", reply.id);
    this.#watch({ ...unknown(reply.id), model: reply.model });
    const followed = /** @type {Followed} */ (this.#followed.get(reply.id));
    followed.again = true;
    if (this.#isReady) this.#sendFollow(followed.reply);
  }

  /** @param {import("../protocol.js").ErrorFrame} frame */
  #error(frame) {
    const { code, id = "", reply = "" } = frame;
    const request = this.#requests.get(id);
    const later = frame.retry_after ?? (TEMPORARY.has(code) ? 3 : 0);
    if (request && later) {
      setTimeout(() => this.#requests.has(id) && this.request(request), later * 1000);
    } else {
      this.#requests.delete(id);
    }
    if (later && !id && this.#followed.has(reply)) {
      // The follow was refused for a moment, also the one that `accepted` promised.
      setTimeout(() => this.#followAgain(reply), later * 1000);
    }
    if (reply && code === "not_found") {
      this.#followed.delete(reply);
      this.#stopping.delete(reply);
      this.#handlers.lost(reply);
    }
    this.#handlers.error({ ...frame, retry_after: request && later ? later : null });
  }

  /** @param {string} id */
  #followAgain(id) {
    const reply = this.#followed.get(id)?.reply;
    if (reply && !reply.end) this.follow(reply);
  }
}
