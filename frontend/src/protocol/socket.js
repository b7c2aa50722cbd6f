/**
 * Keeps a WebSocket open and reports its state. `backoff.js` decides about the next attempt; the
 * page shows the countdown and offers to try at once.
 */
import { CLOSE, wait } from "../lib/backoff.js";
import { whenBack } from "../lib/moments.js";

/** A server that said nothing for this long is gone; it pings after 15 s of silence. */
const SILENCE = 35_000;

/** Milliseconds after which a handshake counts as failed. */
const HANDSHAKE = 10_000;

/** Age up to which a connection is not doubted. */
const FRESH = 1000;

/** Time for a server to send `ready`. */
const ANSWER = 5000;

/** The end of a connection that nobody closed. */
const BROKEN = 1006;

/**
 * @typedef {{state: "connecting"|"open"|"waiting"|"logged_out", retryAt: number|null,
 *   code: number}} Connection
 *
 * @typedef {{message: (data: string) => void, change: (connection: Connection) => void}} Handlers
 */

export class Socket {
  #url;
  #handlers;
  /** @type {WebSocket|null} */
  #socket = null;
  #failures = 0;
  #code = 0;
  #heard = 0;
  /** Time at which this connection was begun. */
  #begun = 0;
  /** Timer of the next try, or of the failure of this one. @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  /** @type {ReturnType<typeof setInterval>|undefined} */
  #watch;

  /**
   * @param {string} path
   * @param {Handlers} handlers
   */
  constructor(path, handlers) {
    this.#handlers = handlers;
    const url = new URL(path, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    this.#url = url.href;
    // The user comes back from another tab, and may have logged in there.
    whenBack(() => this.#back());
  }

  /** The network or the reader is back: what was waited for may work now. */
  #back() {
    if (!this.#socket) {
      this.#failures = 0;
      return this.connect();
    }
    const { readyState } = this.#socket;
    // A handshake of before may never be answered; a connection may be gone without a word.
    if (readyState === WebSocket.OPEN) this.#probe();
    else if (Date.now() - this.#begun > FRESH) {
      const old = this.#socket;
      this.#open();
      old.close();
    }
  }

  /** Tests the connection with a ping. */
  #probe() {
    if (Date.now() - this.#heard < FRESH) return;
    const asked = Date.now();
    const socket = this.#socket;
    this.send({ type: "ping", n: 0 });
    setTimeout(() => {
      if (this.#socket === socket && this.#heard < asked) this.#leave(0);
    }, ANSWER);
  }

  /** Connects now: at the start, on the user's wish, when the network is back. */
  connect() {
    if (this.#socket) return;
    clearTimeout(this.#timer);
    this.#open();
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /**
   * Sends a frame. What cannot be sent now is dropped: it is sent again by whom it belongs to.
   * @param {import("../protocol.js").ClientFrame} frame
   */
  send(frame) {
    if (this.isOpen) this.#socket?.send(JSON.stringify(frame));
  }

  /** The server greeted: earlier failures no longer count. */
  ready() {
    this.#failures = 0;
  }

  #open() {
    clearTimeout(this.#timer);
    this.#begun = Date.now();
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#leave(), HANDSHAKE);
    /** @param {() => void} act while this is the socket that counts */
    const current = (act) => () => this.#socket === socket && act();
    socket.addEventListener(
      "open",
      current(() => this.#opened()),
    );
    socket.addEventListener("close", (event) => {
      if (this.#socket === socket) this.#closed(event.code);
    });
    socket.addEventListener("message", (event) => {
      if (this.#socket !== socket) return;
      this.#heard = Date.now();
      this.#handlers.message(event.data);
    });
    this.#handlers.change({ state: "connecting", retryAt: null, code: this.#code });
  }

  #opened() {
    clearTimeout(this.#timer);
    this.#code = 0;
    this.#heard = Date.now();
    this.#watch = setInterval(() => this.#checkSilence(), 1000);
    this.#handlers.change({ state: "open", retryAt: null, code: 0 });
  }

  #checkSilence() {
    if (this.isOpen && Date.now() - this.#heard > SILENCE) this.#leave();
  }

  /** Gives up a connection that nothing comes of: closing it in order may take long. */
  #leave(failures = this.#failures) {
    const socket = this.#socket;
    this.#failures = failures;
    this.#closed(BROKEN);
    socket?.close();
  }

  /** @param {number} code */
  #closed(code) {
    clearInterval(this.#watch);
    clearTimeout(this.#timer);
    this.#socket = null;
    this.#code = code;
    this.#failures += 1;
    if (code === CLOSE.logIn && this.#failures > 1) {
      this.#failures = 0;
      return this.#handlers.change({ state: "logged_out", retryAt: null, code });
    }
    const delay = wait(this.#failures, code);
    this.#timer = setTimeout(() => this.#open(), delay);
    this.#handlers.change({ state: "waiting", retryAt: Date.now() + delay, code });
  }
}
