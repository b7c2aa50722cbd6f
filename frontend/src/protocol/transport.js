/**
 * The connection to the server: over the WebSocket if possible, else over HTTP, and over the
 * WebSocket again as soon as it works. The frames are the same.
 *
 * The socket goes on trying by itself. HTTP stands in only while the server answers over it and the
 * socket fails. A new connection begins with a greeting, and the client goes on from its positions:
 * a change in the middle of a reply neither loses nor doubles anything.
 */
import { whenBack } from "../lib/moments.js";
import { Socket } from "./socket.js";

/** A handshake without an answer for this long is held up by somebody. */
const HELD_UP = 2000;

/** Give the socket one more chance, once the server can be reached. */
const CHANCE = 1000;

/**
 * @typedef {import("./socket.js").Connection} Connection
 * @typedef {import("./socket.js").Handlers} Handlers
 * @typedef {{connect(): void, send(frame: import("../protocol.js").ClientFrame): void, ready(): void, close(): void,
 *   isOpen: boolean}} Fallback
 *
 * @typedef {object} Parts
 * @property {(handlers: Handlers) => Pick<Socket, "connect"|"send"|"ready"|"isOpen">} socket
 * @property {() => Promise<boolean>} reach whether the server answers over HTTP
 * @property {() => Promise<(handlers: Handlers) => Fallback>} http
 */

export class Transport {
  #handlers;
  #parts;
  #socket;
  /** @type {Fallback|null} */
  #http = null;
  /** True once a frame has come over this connection of the socket. */
  #isHeard = false;
  /** True while it is tested if only the socket fails. */
  #isLooking = false;
  /** The socket's try failed while that went on. */
  #hasFailed = false;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;

  /**
   * @param {Handlers} handlers
   * @param {Parts} parts
   */
  constructor(handlers, parts) {
    this.#handlers = handlers;
    this.#parts = parts;
    this.#socket = parts.socket({
      message: (data) => this.#heard(data),
      change: (connection) => this.#changed(connection),
    });
  }

  /** True if the WebSocket cannot be had, and HTTP stands in for it. */
  get isFallback() {
    return this.#http !== null;
  }

  get isOpen() {
    return (this.#http ?? this.#socket).isOpen;
  }

  connect() {
    this.#socket.connect();
    this.wake();
  }

  /** The socket sees for itself that the network or the reader is back; HTTP is notified. */
  wake() {
    this.#http?.connect();
  }

  /** @param {import("../protocol.js").ClientFrame} frame */
  send(frame) {
    (this.#http ?? this.#socket).send(frame);
  }

  ready() {
    (this.#http ?? this.#socket).ready();
  }

  /** @param {string} data of the socket */
  #heard(data) {
    clearTimeout(this.#timer);
    if (!this.#isHeard) {
      this.#isHeard = true;
      if (this.#http) {
        this.#leaveHttp();
        this.#handlers.change({ state: "open", retryAt: null, code: 0 });
      }
    }
    this.#handlers.message(data);
  }

  /** @param {Connection} connection of the socket */
  #changed(connection) {
    const { state } = connection;
    const wasHeard = this.#isHeard;
    if (state !== "open") this.#isHeard = false;
    clearTimeout(this.#timer);
    if (state === "logged_out") this.#leaveHttp();
    if (this.#http) return;
    this.#handlers.change(connection);
    if (state === "waiting") {
      this.#hasFailed = true;
      // A connection that has worked is lost with the server, or is tried again first.
      if (!wasHeard && connection.code < 4000) this.#look();
    } else if (state !== "logged_out") {
      this.#hasFailed = false;
      this.#timer = setTimeout(() => this.#look(), HELD_UP);
    }
  }

  async #look() {
    if (this.#isLooking || this.#http) return;
    this.#isLooking = true;
    try {
      if (!(await this.#parts.reach()) || this.#isHeard) return;
      const [make] = await Promise.all([this.#parts.http(), this.#giveChance()]);
      if (this.#isHeard || this.#http) return;
      this.#http = make({
        message: (data) => this.#handlers.message(data),
        change: (connection) => this.#handlers.change(connection),
      });
      this.#http.connect();
    } catch (problem) {
      console.warn("parley: no fallback", problem);
    } finally {
      this.#isLooking = false;
    }
  }

  /** The server may have been away until just now. */
  async #giveChance() {
    this.#hasFailed = false;
    this.#socket.connect();
    const end = Date.now() + CHANCE;
    while (!this.#isHeard && !this.#hasFailed && Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  #leaveHttp() {
    this.#http?.close();
    this.#http = null;
  }
}

/**
 * @param {{socket: string, api: string}} urls
 * @param {string} token against cross-site request forgery
 * @returns {(handlers: Handlers) => Transport}
 */
export function reaching(urls, token) {
  return (handlers) => {
    const transport = new Transport(handlers, {
      socket: (own) => new Socket(urls.socket, own),
      async reach() {
        try {
          const { status } = await fetch(`${urls.api}me`, { signal: AbortSignal.timeout(3000) });
          return status < 500;
        } catch {
          return false;
        }
      },
      async http() {
        const { HttpConnection } = await import("./http-connection.js");
        return (own) => new HttpConnection(urls.api, token, own);
      },
    });
    whenBack(() => transport.wake());
    return transport;
  };
}
