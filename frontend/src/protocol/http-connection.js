/**
 * A connection over HTTP with the interface of the socket. Requests go out as POST, PATCH and DELETE,
 * one reply is followed as server-sent events, and changes are polled.
 */

import { wait } from "../lib/backoff.js";
import { csrfToken, unexplained } from "./api.js";

/** Interval between requests for changes. */
const POLL = 3000;
/** Interval between reads of a temporary conversation that is shown. */
const SHOWN_AGAIN = 60_000;

/** A stream that said nothing for this long is dead; the server pings after 15 s of silence. */
const SILENCE = 35_000;

/** Milliseconds after which a request counts as lost; it is repeated, with the same id. */
const PATIENCE = 20_000;

const ENDED = new Set(["complete", "stopped", "interrupted", "failed"]);

/**
 * @typedef {import("./socket.js").Handlers} Handlers
 * @typedef {import("../protocol.js").ServerFrame} ServerFrame
 * @typedef {import("../protocol.js").ClientFrame} ClientFrame
 * @typedef {import("../protocol.js").EndFrame} EndFrame
 * @typedef {import("../protocol.js").StatusFrame} StatusFrame
 * @typedef {Pick<import("../protocol.js").Problem, "code"|"detail"> &
 *   Partial<import("../protocol.js").Problem>} Problem
 */

/** Loss of the connection or the log-in, which was handled where it was found. */
class Lost extends Error {}

export class HttpConnection {
  #base;
  #token;
  #handlers;
  isOpen = false;
  #isClosed = false;
  #failures = 0;
  /** The number of the last known change. */
  #seq = 0;
  /** The followed replies, in order, each with the position. @type {Map<string, string>} */
  #wanted = new Map();
  /** The first of them is read. @type {{id: string, events: EventSource}|null} */
  #stream = null;
  #streamFailures = 0;
  #heard = 0;
  #isPolling = false;
  #isPollDue = false;
  /** @type {string|null} */
  #shown = null;
  #shownAt = 0;
  /** @type {ReturnType<typeof setInterval>|undefined} */
  #clock;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;

  /**
   * @param {string} base of the API
   * @param {string} token against cross-site request forgery
   * @param {Handlers} handlers
   */
  constructor(base, token, handlers) {
    this.#base = base;
    this.#token = token;
    this.#handlers = handlers;
  }

  /** Connects now. */
  async connect() {
    if (this.isOpen || this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#handlers.change({ state: "connecting", retryAt: null, code: 0 });
    try {
      const { status, answer } = await this.#ask("GET", "me");
      if (status !== 200) return this.#lose();
      if (this.isOpen) return;
      this.isOpen = true;
      this.#seq = answer.seq;
      this.#wanted.clear();
      this.#clock = setInterval(() => this.#tick(), POLL);
      this.#handlers.change({ state: "open", retryAt: null, code: 0 });
      this.#say({ ...answer, type: "ready" });
    } catch (problem) {
      if (!(problem instanceof Lost)) throw problem;
    }
  }

  /** The client has begun: earlier failures no longer count. */
  ready() {
    this.#failures = 0;
  }

  /** Ends it for good. */
  close() {
    this.#isClosed = true;
    this.#stop();
  }

  #stop() {
    this.isOpen = false;
    clearInterval(this.#clock);
    clearTimeout(this.#timer);
    this.#leaveStream();
  }

  /** @param {ServerFrame | import("./protocol-client.js").ChangesFrame} frame */
  #say(frame) {
    if (!this.#isClosed) this.#handlers.message(JSON.stringify(frame));
  }

  /** The connection is lost: it is tried again. */
  #lose() {
    if (this.#isClosed) return;
    this.#stop();
    this.#failures += 1;
    const delay = wait(this.#failures, 0);
    this.#timer = setTimeout(() => this.connect(), delay);
    this.#handlers.change({ state: "waiting", retryAt: Date.now() + delay, code: 0 });
  }

  #logOut() {
    if (this.#isClosed) return;
    this.#stop();
    this.#handlers.change({ state: "logged_out", retryAt: null, code: 0 });
  }

  // --- requests --------------------------------------------------------------------------------

  /**
   * Sends a frame, as the request that means the same.
   * @param {ClientFrame} frame
   */
  send(frame) {
    if (!this.isOpen) return;
    switch (frame.type) {
      case "send": {
        const { type: _, ...body } = frame;
        return this.#request(frame, "POST", "messages", body);
      }
      case "edit": {
        const { type: _, message, ...body } = frame;
        return this.#request(frame, "PATCH", `messages/${message}`, body);
      }
      case "withdraw":
        return this.#request(frame, "DELETE", `messages/${frame.message}?id=${frame.id}`);
      case "regenerate":
      case "continue": {
        const { type, reply, ...body } = frame;
        return this.#request(frame, "POST", `replies/${reply}/${type}`, body);
      }
      case "stop":
        return this.#request(frame, "POST", `replies/${frame.reply}/stop`);
      case "follow":
        return this.#follow(frame.reply, `${frame.attempt}.${frame.text}.${frame.reasoning}`);
      case "unfollow":
        return this.#unfollow(frame.reply);
      case "show":
        this.#shown = frame.conversation;
        this.#shownAt = 0;
        return this.#show();
      default: // `ack` and `ping` are for the socket alone
    }
  }

  /**
   * @param {ClientFrame} frame
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   */
  async #request(frame, method, path, body) {
    try {
      const { status, answer } = await this.#ask(method, path, body);
      if (status >= 400) this.#refuse(frame, answer);
      else this.#answer(frame, answer);
    } catch (problem) {
      if (!(problem instanceof Lost)) throw problem;
    }
  }

  /**
   * @param {ClientFrame} frame
   * @param {import("../protocol.js").AcceptedFrame | StatusFrame | EndFrame} answer
   */
  #answer(frame, answer) {
    // The end of what is read comes by the stream, after its last text.
    const isRead = answer.type !== "accepted" && this.#stream?.id === answer.reply;
    if (answer.type === "end" && !isRead) this.#wanted.delete(answer.reply);
    if (!isRead) this.#say(answer);
    if (answer.type === "accepted" && frame.type !== "withdraw") {
      this.#follow(answer.reply, "0.0.0");
    }
    this.#poll();
  }

  /**
   * @param {ClientFrame | {reply: string}} frame
   * @param {Problem} problem
   */
  #refuse(frame, problem) {
    const { id, reply } = /** @type {{id?: string, reply?: string}} */ (frame);
    const { code, detail, field } = problem;
    // A full queue stays full for some time.
    const later = code === "too_many" ? undefined : problem.retry_after;
    this.#say({ type: "error", code, message: detail, id, reply, field, retry_after: later });
  }

  /**
   * The API's answer. Raises `Lost` where there is none, having seen to it.
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<{status: number, answer: any}>}
   */
  async #ask(method, path, body) {
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json" };
    if (method !== "GET") headers["X-CSRFToken"] = csrfToken() ?? this.#token;
    if (body) headers["Content-Type"] = "application/json";
    let status = 0;
    let answer = null;
    try {
      const response = await fetch(this.#base + path, {
        method,
        headers,
        body: body ? JSON.stringify(body) : null,
        credentials: "same-origin",
        signal: AbortSignal.timeout(PATIENCE),
      });
      status = response.status;
      answer = await response.json();
    } catch {
      // No connection, or the page of a proxy that has none.
    }
    if (this.#isClosed) throw new Lost();
    if (status === 401) this.#logOut();
    else if (answer && (status < 400 || answer.code)) return { status, answer };
    // Refused by a proxy, as too large: a repetition would be refused, too.
    else if (status >= 400 && status < 500) {
      return { status, answer: { code: "bad_answer", detail: unexplained(status) } };
    } else this.#lose();
    throw new Lost();
  }

  // --- changes ---------------------------------------------------------------------------------

  #tick() {
    this.#show();
    if (this.#stream && Date.now() - this.#heard > SILENCE) this.#reopen();
    this.#poll();
  }

  /** Says now and then which temporary conversation is shown, by reading it. */
  async #show() {
    if (!this.#shown || Date.now() - this.#shownAt < SHOWN_AGAIN) return;
    this.#shownAt = Date.now();
    try {
      await this.#ask("GET", `conversations/${this.#shown}?limit=1`);
    } catch (problem) {
      if (!(problem instanceof Lost)) throw problem;
    }
  }

  /** Asks for changes, once at a time. */
  async #poll() {
    this.#isPollDue = this.#isPolling;
    if (this.#isPolling || !this.isOpen) return;
    this.#isPolling = true;
    const since = this.#seq;
    try {
      const { status, answer } = await this.#ask("GET", `changes?since=${since}`);
      if (status === 200 && this.isOpen && answer.seq > since) {
        this.#seq = answer.seq;
        this.#say({ ...answer, type: "changes", since });
        for (const message of answer.messages) this.#hear(message);
      }
    } catch (problem) {
      if (!(problem instanceof Lost)) throw problem;
    } finally {
      this.#isPolling = false;
    }
    if (this.#isPollDue) this.#poll();
  }

  /**
   * Changes of a wanted reply, while another one is read.
   * @param {import("../protocol.js").MessageObject} message
   */
  #hear({ id, ...facts }) {
    if (!("status" in facts) || !this.#wanted.has(id) || this.#stream?.id === id) return;
    const frame = { ...facts, reply: id, position: null };
    if (ENDED.has(facts.status)) {
      this.#wanted.delete(id);
      this.#say(/** @type {EndFrame} */ ({ ...frame, type: "end" }));
    } else {
      this.#say(/** @type {StatusFrame} */ ({ ...frame, type: "status" }));
    }
  }

  // --- following -------------------------------------------------------------------------------

  /**
   * @param {string} id
   * @param {string} position
   */
  #follow(id, position) {
    this.#wanted.set(id, position);
    if (this.#stream?.id === id) this.#leaveStream();
    this.#next();
  }

  /** @param {string} id */
  #unfollow(id) {
    this.#wanted.delete(id);
    if (this.#stream?.id === id) this.#leaveStream();
    this.#next();
  }

  #leaveStream() {
    this.#stream?.events.close();
    this.#stream = null;
  }

  #reopen() {
    this.#leaveStream();
    this.#next();
  }

  /** Reads the first followed reply. */
  #next() {
    const [first] = this.#wanted;
    if (this.#stream || !first || !this.isOpen) return;
    const [id, position] = first;
    const events = new EventSource(`${this.#base}replies/${id}/events?from=${position}`);
    this.#stream = { id, events };
    this.#heard = Date.now();
    events.addEventListener("message", (event) => {
      if (this.#stream?.events === events) this.#event(id, event);
    });
    events.addEventListener("error", () => {
      if (this.#stream?.events !== events) return;
      // The browser reconnects by itself, unless the answer was no stream.
      if (events.readyState === EventSource.CLOSED) this.#refused(id);
      else this.#poll();
    });
  }

  /**
   * @param {string} id
   * @param {MessageEvent<string>} event
   */
  #event(id, event) {
    const frame = JSON.parse(event.data);
    this.#heard = Date.now();
    this.#streamFailures = 0;
    const isOver = frame.type === "end" || frame.type === "error";
    if (isOver) {
      this.#wanted.delete(id);
      this.#leaveStream();
    } else if (event.lastEventId) {
      this.#wanted.set(id, event.lastEventId);
    }
    this.#say(frame);
    if (!isOver) return;
    this.#poll();
    this.#next();
  }

  /**
   * A stream got another answer, which an `EventSource` does not show.
   * @param {string} id
   */
  async #refused(id) {
    this.#leaveStream();
    try {
      const { status, answer } = await this.#ask("GET", `replies/${id}`);
      if (status === 404) {
        this.#wanted.delete(id);
        this.#refuse({ reply: id }, answer);
        return this.#next();
      }
      this.#streamFailures += 1;
      setTimeout(() => this.#next(), wait(this.#streamFailures, 0));
    } catch (problem) {
      if (!(problem instanceof Lost)) throw problem;
    }
  }
}
