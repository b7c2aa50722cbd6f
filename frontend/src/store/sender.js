/** Sends the entries of the outbox, each once, as soon as it may be sent. */
import { newId } from "../lib/ids.js";

/** @typedef {import("../state/outbox.js").Entry} Entry */

export class Sender {
  #outbox;
  #client;
  #isHeld;
  /** Entries that this page sends; another page's become its own when it connects. */
  #adopted = new Set();
  /** Entries with an awaited answer. */
  #requested = new Set();

  /**
   * @param {import("../state/outbox.js").Outbox} outbox
   * @param {import("../protocol/protocol-client.js").ProtocolClient} client
   * @param {(place: string) => boolean} isHeld true if something else has to be there first
   */
  constructor(outbox, client, isHeld) {
    this.#outbox = outbox;
    this.#client = client;
    this.#isHeld = isHeld;
  }

  /**
   * @param {import("../state/outbox.js").Written} written
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
    this.#client.forget(id);
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
   * @param {import("../protocol.js").AcceptedFrame} frame
   * @returns {Entry|undefined} the accepted entry
   */
  accept(frame) {
    this.#requested.delete(frame.id);
    const entry = this.#outbox.accept(frame);
    this.pump();
    return entry;
  }

  /**
   * @param {import("../protocol/protocol-client.js").Refusal} frame
   * @returns {boolean} true if a refused entry stays, with the reason, for its author to decide
   */
  refuse({ id = "", message }) {
    const entry = this.#outbox.get(id);
    if (!entry) return false;
    this.#requested.delete(id);
    const isWritten = !entry.kind || entry.kind === "edit";
    if (isWritten) this.#outbox.refuse(id, message);
    else this.discard(id);
    return isWritten;
  }

  /** Sends what may go now. */
  pump() {
    for (const entry of this.#outbox.sendable()) {
      if (!this.#adopted.has(entry.id) || this.#requested.has(entry.id)) continue;
      if (this.#isHeld(entry.place)) continue;
      this.#requested.add(entry.id);
      this.#client.request(frameOf(entry));
    }
  }
}

/**
 * @param {Entry} entry
 * @returns {import("../protocol/protocol-client.js").RequestFrame}
 */
function frameOf(entry) {
  const { id, kind, target = "", conversation, parent, text, model, settings, temporary } = entry;
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
        ...(temporary && { temporary }),
      };
  }
}
