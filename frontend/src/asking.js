/**
 * What the user asks for: messages, edits, other versions, and their end. It is kept in the outbox
 * and repeated until it is answered.
 */
import { byteLength } from "./codepoints.js";
import { newId } from "./ids.js";
import { editing, isNew, NEW } from "./outbox.js";
import { hasEnded } from "./reply.js";
import { leafBelow } from "./tree.js";

/** @typedef {import("./outbox.js").Entry} Entry */

export class Asking {
  /** The most a message may have. */
  sendBytes = 512 * 1024;
  #store;
  #sender;
  /** Where the path through a message ended when another version was chosen. */
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
    if (this.#store.place === NEW) this.#store.place = NEW + id;
    const { place } = this.#store;
    const model = isNew(place) ? this.#store.newModel : this.#choice;
    const parent = this.#lastReply;
    this.#add({ place, parent, text, model, settings: taken }, id);
    return null;
  }

  /**
   * Another version of a message; while it waits for its reply, its other text.
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
   * Another version of a reply.
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
   * @param {import("./records.js").Message} message
   */
  withdraw({ id: target, parent, text = "" }) {
    const { place } = this.#store;
    if (this.#of(target, "withdraw")) return;
    this.#add({ place, parent, kind: "withdraw", target, text, model: null });
  }

  /**
   * Shows another version of a message, here and in every other page.
   * @param {string} id
   */
  showVersion(id) {
    const { library, place, path, settings } = this.#store;
    const messages = library.thread(place);
    const end = path.at(-1)?.id;
    if (!messages?.has(id)) return;
    for (const message of path) this.#ends.set(message.id, end);
    settings.showLeaf(place, leafBelow(messages, id, this.#ends.get(id)));
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
    this.#store.told();
  }

  /** @param {string} id of an entry of the outbox */
  again(id) {
    this.#sender.again(id);
    this.#store.told();
  }

  /** @param {string} id of a reply: *Retry* and *Continue* */
  continueReply(id) {
    this.#store.wire.request({ type: "continue", id: newId(), reply: id });
  }

  /** @param {string} id of a reply */
  stop(id) {
    this.#store.wire.stop(id);
    this.#store.told();
  }

  /** The reply that Stop stops: the running one, else the first that waits. */
  get stoppable() {
    const waiting = this.#store.path
      .filter(({ role }) => role === "assistant")
      .map((message) => this.#store.reply(message))
      .filter((reply) => !reply.end && !hasEnded(reply.status));
    return waiting.find(({ status }) => status === "running") ?? waiting[0] ?? null;
  }

  /** On which the next message hangs: not on one that is being taken back. */
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
   * What was asked of a message, and is not answered.
   * @param {string} target
   * @param {Entry["kind"]} kind
   */
  #of(target, kind) {
    const { outbox, place } = this.#store;
    return outbox.in(place).find((entry) => entry.target === target && entry.kind === kind);
  }

  /** @param {string} text */
  #tooLong(text) {
    if (byteLength(JSON.stringify(text)) <= this.sendBytes - 1024) return null;
    return `This message is too long: at most ${Math.floor(this.sendBytes / 1024)} KB.`;
  }

  /**
   * @param {import("./outbox.js").Written} written
   * @param {string} [id]
   */
  #add(written, id = newId()) {
    this.#sender.add(written, id);
    this.#store.told();
  }
}
