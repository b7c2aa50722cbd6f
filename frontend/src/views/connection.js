/** The bar about a lost connection, with the countdown to the next attempt. */

import { CLOSE } from "../lib/backoff.js";
import { find, setText } from "../lib/dom.js";
import { sentences, t } from "../lib/translate.js";
import { announce } from "./notices.js";

/** Milliseconds without a connection before anything is shown. */
export const PATIENCE = 1000;

export class ConnectionBar {
  #bar = find("#connection");
  #text = find("#connection-text");
  #now = find("#connection-now");
  /** @type {import("../store/store.js").Connection|null} */
  #connection = null;
  #downSince = 0;
  #isAnnounced = false;
  /** @type {ReturnType<typeof setInterval>|undefined} */
  #clock;

  /** @param {() => void} connect */
  constructor(connect) {
    this.#now.addEventListener("click", connect);
  }

  /**
   * @param {import("../store/store.js").Connection} connection
   * @param {boolean} isReady the server has greeted
   */
  show(connection, isReady) {
    this.#connection = connection;
    if (isReady || connection.state === "logged_out") {
      clearInterval(this.#clock);
      this.#clock = undefined;
      this.#downSince = 0;
      this.#bar.hidden = true;
      if (this.#isAnnounced && isReady) announce(t("Reconnected."));
      this.#isAnnounced = false;
      return;
    }
    this.#downSince ||= Date.now();
    this.#clock ??= setInterval(() => this.#draw(), 250);
    this.#draw();
  }

  #draw() {
    const connection = this.#connection;
    if (!connection || Date.now() - this.#downSince < PATIENCE) return;
    this.#bar.hidden = false;
    const left = connection.retryAt ? Math.ceil((connection.retryAt - Date.now()) / 1000) : 0;
    const isWaiting = connection.state === "waiting" && left > 0;
    setText(
      this.#text,
      isWaiting
        ? sentences(reason(connection.code), t("Trying again in {n} s", { n: left }))
        : t("Connecting…"),
    );
    this.#now.hidden = !isWaiting;
    if (!this.#isAnnounced && isWaiting) {
      this.#isAnnounced = true;
      announce(t("Connection lost. Reconnecting automatically."));
    }
  }
}

/** @param {number} code */
function reason(code) {
  switch (code) {
    case CLOSE.tooMany:
      return t("Too many open pages.");
    case CLOSE.restarting:
      return t("The server is restarting.");
    case CLOSE.tooSlow:
      return t("The connection was too slow.");
    default:
      return t("Connection lost.");
  }
}
