/**
 * All the page knows: conversations, the shown thread, replies as they grow, what is not sent yet.
 * It speaks to the server and tells the views what changed; it touches no element.
 */

import { ApiError } from "./api.js";
import { byteLength } from "./codepoints.js";
import { firstWords } from "./format.js";
import { newId } from "./ids.js";
import { Library } from "./library.js";
import { Models } from "./models.js";
import { isNew, NEW, Outbox } from "./outbox.js";
import { sent } from "./records.js";
import { agrees, fromMessage, hasEnded } from "./reply.js";
import { Sender } from "./sender.js";
import { SettingsKeeper } from "./settingskeeper.js";
import { parents, path } from "./tree.js";
import { VERSION, Wire } from "./wire.js";

/**
 * @typedef {import("./reply.js").Reply} Reply
 * @typedef {import("./records.js").Message} Message
 * @typedef {import("./outbox.js").Entry} Entry
 *
 * @typedef {object} Item something in the thread
 * @property {string} key
 * @property {Message} [message]
 * @property {Reply} [reply] for a reply
 * @property {boolean} [isLast] nothing hangs on it
 * @property {Entry} [entry] a message that is not accepted yet
 *
 * @typedef {object} Listeners
 * @property {() => void} changed the list or what is shown of the thread
 * @property {(reply: Reply, before: Reply) => void} reply a shown reply grew or changed
 * @property {(from: string, to: string) => void} moved what was keyed `from` is keyed `to`
 * @property {(place: string) => void} placed the shown new conversation was given its id
 * @property {(connection: import("./socket.js").Connection, isReady: boolean) => void} connection
 * @property {(text: string) => void} trouble
 * @property {() => void} loggedOut
 * @property {() => void} outdated the server speaks a newer protocol
 */

export class Store {
  /** @type {"loading"|"ready"|"missing"|"unreachable"} */
  threadState = "ready";
  /** The model chosen for a new conversation. @type {string|null} */
  newModel = null;
  place = NEW;
  #page;
  #on;
  #sender;
  /** @type {Map<string, Reply>} */
  #replies = new Map();
  /** Replies whose text was asked for, with their number then. @type {Map<string, number>} */
  #asked = new Map();
  #sendBytes = 512 * 1024;
  /** The most that a reply may hold: nothing can be added to a full one. */
  replyBytes = 1024 * 1024;

  /**
   * @param {{page: any, api: import("./api.js").Api, storage: import("./outbox.js").Store,
   *   on: Listeners}} parts
   */
  constructor({ page, api, storage, on }) {
    this.#page = page;
    this.#on = on;
    this.models = new Models(api, page.models);
    this.library = new Library(api, {
      changed: () => this.#changed(),
      reset: () => this.reload(),
      failed: (problem, isQuiet) => this.#failed(problem, isQuiet),
    });
    this.outbox = new Outbox(storage, page.user.id);
    this.wire = new Wire(page.urls.socket, {
      connection: (connection) => on.connection(connection, false),
      ready: (frame) => this.#ready(frame),
      accepted: (frame) => this.#accepted(frame),
      changed: (frame) => this.library.apply(frame),
      counter: (seq) => this.library.hear(seq),
      known: (id) => this.#replies.get(id),
      reply: (reply, before) => {
        this.#replies.set(reply.id, reply);
        on.reply(reply, before);
      },
      lost: (id) => {
        this.#replies.delete(id);
        on.changed();
      },
      error: (frame) => this.#refused(frame),
    });
    // A message finds the settings that were made before it.
    this.#sender = new Sender(this.outbox, this.wire, (place) => this.settings.isPending(place));
    this.settings = new SettingsKeeper({
      outbox: this.outbox,
      conversation: (id) => this.library.conversation(id),
      save: (id, change) => this.library.change(id, change),
      changed: () => {
        this.#sender.pump();
        on.changed();
      },
      failed: (problem, text) => (problem.status === 401 ? on.loggedOut() : on.trouble(text)),
    });
  }

  start() {
    this.wire.connect();
    this.library.loadList();
  }

  // --- what is shown ---------------------------------------------------------------------------

  /** The shown conversation; undefined for a new one. */
  get shown() {
    return this.library.conversation(this.place);
  }

  /** The model that answers at the shown place: its own, or the default. */
  get model() {
    const chosen = this.settings.modelOf(this.place);
    return (isNew(this.place) ? (chosen ?? this.newModel) : chosen) ?? this.models.default;
  }

  /** @returns {Item[]} what the thread shows, in order */
  items() {
    const shown = this.#path();
    const withChildren = parents(this.library.thread(this.place) ?? new Map());
    /** @type {Item[]} */
    const items = shown.map((message) => ({
      key: message.id,
      message,
      ...(message.role === "assistant" && { reply: this.reply(message) }),
      isLast: !withChildren.has(message.id),
    }));
    for (const entry of this.outbox.in(this.place)) {
      // The row may be known before `accepted`: then its entry is that message.
      const isStored = shown.some(
        ({ role, parent, text }) =>
          role === "user" && parent === entry.parent && text === entry.text && !entry.after,
      );
      if (!isStored || entry.problem) items.push({ key: entry.id, entry });
    }
    return items;
  }

  /** The reply that Stop stops: the running one, else the first that waits. */
  get stoppable() {
    const waiting = this.#path()
      .filter(({ role }) => role === "assistant")
      .map((message) => this.reply(message))
      .filter((reply) => !reply.end && !hasEnded(reply.status));
    return waiting.find(({ status }) => status === "running") ?? waiting[0] ?? null;
  }

  /**
   * A reply as it stands: as it was followed, else as its message object says.
   * @param {Message} message
   * @returns {Reply}
   */
  reply(message) {
    const known = this.#replies.get(message.id);
    if (known && (this.wire.isFollowing(message.id) || agrees(known, message))) return known;
    const read = fromMessage(message);
    if (known && !read.end) {
      // A frame told that it changed, not its text: what is there stays until it has been read.
      const end = hasEnded(read.status) ? known.end : null;
      return { ...known, status: read.status, reason: read.reason, end };
    }
    this.#replies.set(message.id, read);
    return read;
  }

  #path() {
    const messages = this.library.thread(this.place);
    return messages ? path(messages, this.shown?.leaf ?? null) : [];
  }

  // --- showing ---------------------------------------------------------------------------------

  /**
   * Shows a conversation, or the empty place of a new one.
   * @param {string} place
   */
  show(place) {
    if (place !== this.place) this.#leave();
    this.place = place;
    this.threadState = isNew(place) || this.library.thread(place) ? "ready" : "loading";
    this.#on.changed();
    if (!isNew(place)) this.#load(place);
  }

  /** Reads again what is shown. */
  reload() {
    if (!isNew(this.place)) this.show(this.place);
  }

  #leave() {
    for (const id of this.#replies.keys()) this.wire.unfollow(id);
    this.#replies.clear();
    this.#asked.clear();
    this.library.close(this.place);
  }

  /** @param {string} place */
  async #load(place) {
    try {
      await this.library.open(place, () => place === this.place);
      if (place !== this.place) return;
      this.threadState = "ready";
    } catch (problem) {
      if (place !== this.place) return;
      const isMissing = problem instanceof ApiError && problem.status === 404;
      if (this.threadState === "loading" || isMissing) {
        this.threadState = isMissing ? "missing" : "unreachable";
      }
      this.#failed(problem, true);
    }
    this.#changed();
  }

  #changed() {
    if (!isNew(this.place) && this.library.isGone(this.place)) this.threadState = "missing";
    this.#follow();
    this.settings.pump();
    this.#on.changed();
  }

  /** Follows what grows on the shown path, and reads what ended elsewhere. */
  #follow() {
    for (const message of this.#path()) {
      if (message.role !== "assistant" || this.wire.isFollowing(message.id)) continue;
      const reply = this.reply(message);
      if (agrees(reply, message) || this.#asked.get(message.id) === message.seq) continue;
      this.#asked.set(message.id, message.seq);
      this.wire.follow(reply);
    }
  }

  // --- asking ----------------------------------------------------------------------------------

  /**
   * Keeps a message and sends it as soon as it may be sent.
   * @param {string} text
   * @returns {string|null} why it cannot be sent
   */
  send(text) {
    if (byteLength(JSON.stringify(text)) > this.#sendBytes - 1024) {
      return `This message is too long: at most ${Math.floor(this.#sendBytes / 1024)} KB.`;
    }
    const id = newId();
    this.outbox.setDraft(this.place, "");
    const isFirst = isNew(this.place) && !this.outbox.in(this.place).length;
    const settings = isFirst ? this.settings.take(this.place) : null;
    if (this.place === NEW) this.place = NEW + id;
    const parent = this.#path().findLast(({ role }) => role === "assistant")?.id ?? null;
    // A choice that is still being saved goes along: what is seen is what is asked.
    const model = isNew(this.place) ? this.newModel : (this.outbox.edits(this.place).model ?? null);
    this.#sender.add({ place: this.place, parent, text, model, settings }, id);
    this.#on.changed();
    return null;
  }

  /** @param {string} id of an entry of the outbox */
  discard(id) {
    const entry = this.outbox.get(id);
    this.#sender.discard(id);
    if (entry && isNew(entry.place) && !this.outbox.in(entry.place).length) {
      this.settings.giveBack(entry.place, NEW, entry.settings);
      if (this.place === entry.place) this.place = NEW;
    }
    this.#on.changed();
  }

  /** @param {string} id of an entry of the outbox */
  sendAgain(id) {
    this.#sender.again(id);
    this.#on.changed();
  }

  /** @param {string} id of a reply: *Retry* and *Continue* */
  continueReply(id) {
    this.wire.request({ type: "continue", id: newId(), reply: id });
  }

  /** @param {string} id of a reply */
  stop(id) {
    this.wire.stop(id);
    this.#on.changed();
  }

  /**
   * @param {string} id
   * @param {import("./library.js").Change} fields
   */
  change(id, fields) {
    return this.#try(() => this.library.change(id, fields));
  }

  /** @param {string} id */
  remove(id) {
    return this.#try(() => this.library.remove(id));
  }

  /** @param {string} model for the shown conversation, or the new one */
  choose(model) {
    this.newModel = model;
    if (!isNew(this.place) || this.outbox.in(this.place).length) {
      this.settings.choose(this.place, model);
    }
    this.#on.changed();
  }

  /**
   * @param {() => Promise<void>} act
   * @returns {Promise<boolean>}
   */
  async #try(act) {
    try {
      await act();
      this.#on.changed();
      return true;
    } catch (problem) {
      this.#failed(problem, false);
      return false;
    }
  }

  // --- hearing ---------------------------------------------------------------------------------

  /** @param {any} frame */
  #ready(frame) {
    if (String(frame.user?.id) !== String(this.#page.user.id)) return location.reload();
    if (frame.v > VERSION) this.#on.outdated();
    this.#sendBytes = frame.limits?.send_bytes ?? this.#sendBytes;
    this.replyBytes = frame.limits?.reply_bytes ?? this.replyBytes;
    this.#on.connection({ state: "open", retryAt: null, code: 0 }, true);
    this.settings.adoptAll();
    this.#sender.adoptAll();
    this.#asked.clear();
    this.#follow();
    this.library.hear(frame.seq);
    if (this.threadState === "unreachable") this.reload();
    if (!this.models.list.length) this.loadModels();
    this.#on.changed();
  }

  /** Reads the models on offer again: somebody may have added one. */
  async loadModels() {
    try {
      await this.models.load();
      this.#on.changed();
    } catch (problem) {
      this.#failed(problem, true);
    }
  }

  /** @param {any} frame */
  #accepted(frame) {
    const entry = this.#sender.accept(frame);
    if (!entry) return;
    const { conversation, message, reply } = frame;
    // The server follows what was sent; only what is shown has to be.
    if (entry.place !== this.place) this.wire.unfollow(reply);
    const known = this.library.conversation(conversation);
    const made = sent(entry, frame, known, firstWords(entry.text), new Date().toISOString());
    if (isNew(entry.place)) this.settings.move(entry.place, conversation);
    if (entry.place === this.place && isNew(entry.place)) {
      this.library.begin(made.conversation);
      this.place = conversation;
      this.threadState = "ready";
      this.#on.placed(conversation);
    }
    this.library.put([made.conversation], made.messages);
    this.#on.moved(entry.id, message);
    this.#changed();
  }

  /** @param {any} frame */
  #refused(frame) {
    if (frame.retry_after) {
      return this.#on.trouble(`${frame.message} Trying again in ${frame.retry_after} s.`);
    }
    if (this.#sender.refuse(frame)) this.#on.changed();
    else if (frame.code !== "not_found" || frame.id) this.#on.trouble(frame.message);
  }

  /**
   * @param {unknown} problem
   * @param {boolean} isQuiet it shows elsewhere
   */
  #failed(problem, isQuiet) {
    if (!(problem instanceof ApiError)) throw problem;
    if (problem.status === 401) this.#on.loggedOut();
    // Without a connection the bar says all there is to say.
    else if (!isQuiet && (problem.status || this.wire.isReady)) this.#on.trouble(problem.message);
  }
}
