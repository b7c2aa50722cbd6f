/**
 * Commands of the user: messages, edits, other versions, and stops. They are kept in the outbox
 * and repeated until it is answered.
 */

import { newId } from "../lib/ids.js";
import { t } from "../lib/translate.js";
import { partOf } from "../state/limit.js";
import { editing, isNew, NEW } from "../state/outbox.js";
import { isStub } from "../state/records.js";
import { hasEnded } from "../state/reply.js";
import { leafBelow } from "../state/tree.js";

/** @typedef {import("../state/outbox.js").Entry} Entry */

export class Commands {
  /** The most a message may have. */
  sendBytes = 512 * 1024;
  #store;
  #sender;
  /** End of the path through a message when another version was chosen. */
  #ends = new Map();

  /**
   * @param {import("./store.js").Store} store
   * @param {import("./sender.js").Sender} sender
   */
  constructor(store, sender) {
    this.#store = store;
    this.#sender = sender;
  }

  /**
   * Keeps a message and sends it as soon as it may be sent.
   * @param {string} text
   * @returns {string|null} why it cannot be sent
   */
  send(text) {
    const problem = this.#tooLong(text);
    if (problem) return problem;
    const { outbox, settings } = this.#store;
    const id = newId();
    outbox.setDraft(this.#store.place, "");
    const isFirst = isNew(this.#store.place) && !outbox.in(this.#store.place).length;
    const taken = isFirst ? settings.take(this.#store.place) : null;
    const temporary = isFirst && this.#store.isTemporary;
    if (this.#store.place === NEW) this.#store.place = NEW + id;
    const { place } = this.#store;
    const model = isNew(place) ? this.#store.newModel : this.#choice;
    const parent = this.#lastReply;
    this.#add({ place, parent, text, model, settings: taken, temporary }, id);
    return null;
  }

  /**
   * Makes another version of a message; while it waits for its reply, changes its text.
   * @param {string} target
   * @param {string} text
   * @returns {string|null} why it cannot be sent
   */
  edit(target, text) {
    const problem = this.#tooLong(text);
    if (problem) return problem;
    const { outbox, place } = this.#store;
    outbox.setDraft(editing(target), "");
    const { id } = this.#of(target, "edit") ?? {};
    if (id) this.#sender.discard(id);
    const parent = this.#lastReply;
    this.#add({ place, parent, kind: "edit", target, text, model: this.#choice });
    return null;
  }

  /**
   * Makes another version of a reply.
   * @param {string} target
   * @param {string|null} model
   */
  regenerate(target, model) {
    const { place } = this.#store;
    if (this.#of(target, "regenerate")) return;
    this.#add({ place, parent: target, kind: "regenerate", target, text: "", model });
  }

  /**
   * Takes back a message that waits.
   * @param {import("../state/records.js").Message} message
   */
  withdraw({ id: target, parent, text = "" }) {
    const { place } = this.#store;
    if (this.#of(target, "withdraw")) return;
    this.#add({ place, parent, kind: "withdraw", target, text, model: null });
  }

  /**
   * Shows another version of a message, here and in every other page.
   * @param {string} id
   * @param {(change: () => void) => void} act makes the change, once what it shows was read
   */
  async showVersion(id, act) {
    const { library, place, path, settings } = this.#store;
    const messages = library.thread(place);
    const end = path.at(-1)?.id;
    if (!messages?.has(id)) return;
    for (const message of path) this.#ends.set(message.id, end);
    const wanted = this.#ends.get(id) ?? id;
    const known = messages.get(wanted);
    let leaf = known && wanted !== id ? wanted : id;
    if (library.isWhole(place)) leaf = leafBelow(messages, id, wanted);
    else if (leaf === id || isStub(known)) {
      const last = await this.#store.readThrough(leaf);
      if (!last) return;
      leaf = last;
    }
    act(() => settings.showLeaf(place, leaf));
  }

  /** @param {string} id of an entry of the outbox */
  discard(id) {
    const { outbox, settings } = this.#store;
    const entry = outbox.get(id);
    this.#sender.discard(id);
    if (entry && isNew(entry.place) && !outbox.in(entry.place).length) {
      settings.giveBack(entry.place, NEW, entry.settings);
      if (this.#store.place === entry.place) this.#store.place = NEW;
    }
    this.#store.notify();
  }

  /** @param {string} id of an entry of the outbox */
  again(id) {
    this.#sender.again(id);
    this.#store.notify();
  }

  /**
   * *Retry* and *Continue*.
   * @param {string} id of a reply
   * @param {string} [model] another than before
   */
  continueReply(id, model) {
    this.#store.client.request({
      type: "continue",
      id: newId(),
      reply: id,
      ...(model && { model }),
    });
  }

  /** @param {string} id of a reply */
  stop(id) {
    this.#store.client.stop(id);
    this.#store.notify();
  }

  /** The reply that Stop stops: the running one, else the first that waits. */
  get stoppable() {
    const waiting = this.#store.path
      .filter(({ role }) => role === "assistant")
      .map((message) => this.#store.reply(message))
      .filter((reply) => !reply.end && !hasEnded(reply.status));
    return waiting.find(({ status }) => status === "running") ?? waiting[0] ?? null;
  }

  /** The parent of the next message: not a reply whose message is being withdrawn. */
  get #lastReply() {
    const isLeaving = (/** @type {string|null} */ id) => this.#of(id ?? "", "withdraw");
    return (
      this.#store.path.findLast(({ role, parent }) => role === "assistant" && !isLeaving(parent))
        ?.id ?? null
    );
  }

  /** A choice that is still being saved goes along: what is seen is what is asked. */
  get #choice() {
    return this.#store.outbox.edits(this.#store.place).model ?? null;
  }

  /**
   * The command about a message that is not answered.
   * @param {string} target
   * @param {Entry["kind"]} kind
   */
  #of(target, kind) {
    const { outbox, place } = this.#store;
    return outbox.in(place).find((entry) => entry.target === target && entry.kind === kind);
  }

  /** @param {string} text */
  #tooLong(text) {
    if (partOf(text, this.sendBytes) <= 1) return null;
    return t("This message is too long. The limit is {size} KB.", {
      size: Math.floor(this.sendBytes / 1024),
    });
  }

  /**
   * @param {import("../state/outbox.js").Written} written
   * @param {string} [id]
   */
  #add(written, id = newId()) {
    this.#sender.add(written, id);
    this.#store.notify();
  }
}
