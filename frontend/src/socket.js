/**
 * The WebSocket: opens it, opens it again, and says plainly how it stands. What travels in it is
 * none of its business.
 *
 * partysocket does the connecting; when it may try again is decided here (`backoff.js`), because a
 * page wants to show the countdown and offer "now", and the close codes have their own rules.
 */
import ReconnectingWebSocket from "partysocket/ws";
import { CLOSE, wait } from "./backoff.js";

/** A server that said nothing for this long is gone; it pings after 15 s of silence. */
const SILENCE = 35_000;

/**
 * @typedef {{state: "connecting"|"open"|"waiting"|"logged_out", retryAt: number|null,
 *   code: number}} Connection
 */

export class Socket {
  #socket;
  #handlers;
  #failures = 0;
  #code = 0;
  #heard = 0;
  #isLoggedOut = false;
  /** @type {(() => void)|null} */
  #now = null;
  /** @type {ReturnType<typeof setInterval>|undefined} */
  #watch;

  /**
   * @param {string} path
   * @param {{message: (data: string) => void, change: (connection: Connection) => void}} handlers
   */
  constructor(path, handlers) {
    this.#handlers = handlers;
    const url = new URL(path, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    this.#socket = new ReconnectingWebSocket(() => this.#whenDue(url.href), undefined, {
      minReconnectionDelay: 0,
      maxReconnectionDelay: 0,
      connectionTimeout: 10_000,
      maxEnqueuedMessages: 0,
      startClosed: true,
    });
    this.#socket.addEventListener("open", () => this.#opened());
    this.#socket.addEventListener("close", (event) => this.#closed(event.code));
    this.#socket.addEventListener("message", (event) => {
      this.#heard = Date.now();
      this.#handlers.message(event.data);
    });
    window.addEventListener("online", () => this.connect());
    window.addEventListener("pageshow", (event) => event.persisted && this.connect());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState !== "visible") return;
      // Back from another tab: the user may have logged in there, and nobody waits gladly.
      if (this.#isLoggedOut || this.#now) this.connect();
      else this.#checkSilence();
    });
  }

  /** Connects now: at the start, on the user's wish, when the network is back. */
  connect() {
    this.#isLoggedOut = false;
    if (this.#now) this.#now();
    else if (!this.isOpen) this.#socket.reconnect();
  }

  get isOpen() {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /**
   * Sends a frame. What cannot be sent now is dropped: it is sent again by whom it belongs to.
   * @param {object} frame
   */
  send(frame) {
    if (this.isOpen) this.#socket.send(JSON.stringify(frame));
  }

  /** The server greeted: earlier failures no longer count. */
  ready() {
    this.#failures = 0;
  }

  /** @param {string} url */
  async #whenDue(url) {
    if (this.#failures > 0) {
      const delay = wait(this.#failures, this.#code);
      const retryAt = Date.now() + delay;
      this.#handlers.change({ state: "waiting", retryAt, code: this.#code });
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, delay);
        this.#now = () => {
          clearTimeout(timer);
          resolve(undefined);
        };
      });
      this.#now = null;
    }
    if (!this.#isLoggedOut) {
      this.#handlers.change({ state: "connecting", retryAt: null, code: this.#code });
    }
    return url;
  }

  #opened() {
    this.#code = 0;
    this.#heard = Date.now();
    clearInterval(this.#watch);
    this.#watch = setInterval(() => this.#checkSilence(), 1000);
    this.#handlers.change({ state: "open", retryAt: null, code: 0 });
  }

  /** @param {number} code */
  #closed(code) {
    clearInterval(this.#watch);
    this.#code = code;
    this.#failures += 1;
    if (code === CLOSE.logIn && this.#failures > 1) {
      this.#isLoggedOut = true;
      this.#socket.close();
      this.#failures = 0;
      this.#handlers.change({ state: "logged_out", retryAt: null, code });
    }
  }

  #checkSilence() {
    if (this.isOpen && Date.now() - this.#heard > SILENCE) this.#socket.reconnect();
  }
}
