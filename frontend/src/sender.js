/** Sends what is in the outbox, each as soon as it may go, and once. */
import { newId } from "./ids.js";

/** @typedef {import("./outbox.js").Entry} Entry */

export class Sender {
  #outbox;
  #wire;
  #isHeld;
  /** Those this page sends; another page's become its own when it connects. */
  #adopted = new Set();
  /** Those whose answer is awaited. */
  #requested = new Set();

  /**
   * @param {import("./outbox.js").Outbox} outbox
   * @param {import("./wire.js").Wire} wire
   * @param {(place: string) => boolean} isHeld whether something else has to be there first
   */
  constructor(outbox, wire, isHeld) {
    this.#outbox = outbox;
    this.#wire = wire;
    this.#isHeld = isHeld;
  }

  /**
   * @param {import("./outbox.js").Written} written
   * @param {string} id
   */
  add(written, id) {
    this.#outbox.add({ id, ...written });
    this.#adopted.add(id);
    this.pump();
  }

  /** Takes over whatever is unsent: the page that wrote it may be closed. */
  adoptAll() {
    this.#outbox.reload();
    for (const entry of this.#outbox.all()) this.#adopted.add(entry.id);
    this.pump();
  }

  /** @param {string} id */
  discard(id) {
    this.#wire.forget(id);
    this.#requested.delete(id);
    this.#outbox.discard(id);
    this.pump();
  }

  /** @param {string} id */
  again(id) {
    this.#requested.delete(id);
    const other = newId();
    this.#outbox.retry(id, other);
    this.#adopted.add(other);
    this.pump();
  }

  /**
   * @param {any} frame
   * @returns {Entry|undefined} what was accepted
   */
  accept(frame) {
    this.#requested.delete(frame.id);
    const entry = this.#outbox.accept(frame);
    this.pump();
    return entry;
  }

  /**
   * @param {any} frame
   * @returns {boolean} whether what was refused stays, with the reason, for its author to decide
   */
  refuse(frame) {
    const entry = this.#outbox.get(frame.id);
    if (!entry) return false;
    this.#requested.delete(frame.id);
    const isWritten = !entry.kind || entry.kind === "edit";
    if (isWritten) this.#outbox.refuse(frame.id, frame.message);
    else this.discard(frame.id);
    return isWritten;
  }

  /** Sends what may go now. */
  pump() {
    for (const entry of this.#outbox.sendable()) {
      if (!this.#adopted.has(entry.id) || this.#requested.has(entry.id)) continue;
      if (this.#isHeld(entry.place)) continue;
      this.#requested.add(entry.id);
      this.#wire.request(frameOf(entry));
    }
  }
}

/**
 * @param {Entry} entry
 * @returns {{type: string, id: string, [field: string]: unknown}}
 */
export function frameOf({ id, kind, target, conversation, parent, text, model, settings }) {
  const chosen = model ? { model } : {};
  switch (kind) {
    case "edit":
      return { type: kind, id, message: target, text, ...chosen };
    case "regenerate":
      return { type: kind, id, reply: target, ...chosen };
    case "withdraw":
      return { type: kind, id, message: target };
    default:
      return {
        ...{ type: "send", id, conversation, parent, text, ...chosen },
        ...(settings && { settings }),
      };
  }
}
