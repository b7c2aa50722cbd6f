/**
 * All the page knows: conversations, the shown thread, replies as they grow, what is not sent yet.
 * It speaks to the server and tells the views what changed; it touches no element.
 */

import { ApiError } from "./api.js";
import { Asking } from "./asking.js";
import { firstWords } from "./format.js";
import { itemsOf } from "./items.js";
import { Library } from "./library.js";
import { Models } from "./models.js";
import { isNew, NEW, Outbox } from "./outbox.js";
import { made } from "./records.js";
import { Replies } from "./replies.js";
import { Sender } from "./sender.js";
import { SettingsKeeper } from "./settingskeeper.js";
import { path } from "./tree.js";
import { VERSION, Wire } from "./wire.js";

/**
 * @typedef {import("./reply.js").Reply} Reply
 * @typedef {import("./records.js").Message} Message
 *
 * @typedef {object} Listeners
 * @property {() => void} changed the list or what is shown of the thread
 * @property {(reply: Reply, before: Reply) => void} reply a shown reply grew or changed
 * @property {(from: string, to: string) => void} moved what was keyed `from` is keyed `to`
 * @property {(entry: import("./outbox.js").Entry) => void} withdrawn a message is taken back, and
 *   with `conversation: null` all of its conversation
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
  #replies = new Replies(() => this.wire);
  /** The most that a reply may hold: nothing can be added to a full one. */
  replyBytes = 1024 * 1024;

  /**
   * @param {{page: any, api: import("./api.js").Api, storage: import("./outbox.js").Store,
   *   connect: ConstructorParameters<typeof Wire>[0], on: Listeners}} parts
   */
  constructor({ page, api, storage, connect, on }) {
    this.#page = page;
    this.#on = on;
    this.models = new Models(api, page.models);
    this.library = new Library(api, {
      changed: () => this.#changed(),
      reset: () => this.reload(),
      failed: (problem, isQuiet) => this.#failed(problem, isQuiet),
    });
    this.outbox = new Outbox(storage, page.user.id);
    this.wire = new Wire(connect, {
      connection: (connection) => on.connection(connection, false),
      ready: (frame) => this.#ready(frame),
      accepted: (frame) => this.#accepted(frame),
      changed: (frame) => this.library.apply(frame),
      changes: (body) => this.library.applyChanges(body),
      counter: (seq) => this.library.hear(seq),
      known: (id) => this.#replies.get(id),
      reply: (reply, before) => {
        this.#replies.set(reply);
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
    this.asking = new Asking(this, this.#sender);
    this.settings = new SettingsKeeper({
      outbox: this.outbox,
      conversation: (id) => this.library.conversation(id),
      save: (id, change) => this.library.change(id, change),
      changed: () => {
        this.#sender.pump();
        this.#replies.follow(this.path);
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

  /** What the thread shows, in order. */
  items() {
    const messages = this.library.thread(this.place) ?? new Map();
    return itemsOf(messages, this.path, this.outbox.in(this.place), (one) => this.reply(one));
  }

  /**
   * A reply as it stands.
   * @param {Message} message
   */
  reply(message) {
    return this.#replies.of(message);
  }

  /** The messages that are shown: one way through the tree. */
  get path() {
    const messages = this.library.thread(this.place);
    return messages ? path(messages, this.settings.leafOf(this.place)) : [];
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
    this.#replies.clear();
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
    this.#replies.follow(this.path);
    this.settings.pump();
    this.#on.changed();
  }

  /** Something is asked for. */
  told() {
    this.#on.changed();
  }

  // --- changing --------------------------------------------------------------------------------

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
    this.asking.sendBytes = frame.limits?.send_bytes ?? this.asking.sendBytes;
    this.replyBytes = frame.limits?.reply_bytes ?? this.replyBytes;
    this.#on.connection({ state: "open", retryAt: null, code: 0 }, true);
    this.settings.adoptAll();
    this.#sender.adoptAll();
    this.#replies.forgetAsked();
    this.#replies.follow(this.path);
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
    const { conversation: id, message, reply } = frame;
    // The server follows what it makes; only what is shown has to be.
    if (entry.place !== this.place) this.wire.unfollow(reply);
    const known = {
      conversation: this.library.conversation(id),
      messages: this.library.thread(id),
    };
    const now = new Date().toISOString();
    const { conversation, messages } = made(entry, frame, known, firstWords(entry.text), now);
    if (isNew(entry.place)) this.settings.move(entry.place, id);
    if (entry.place === this.place && isNew(entry.place)) {
      this.library.begin(conversation);
      this.place = id;
      this.threadState = "ready";
      this.#on.placed(id);
    }
    this.library.put([conversation], messages);
    if (entry.kind === "withdraw") {
      // With its only message goes the conversation.
      const isLast = known.messages?.size === 2 && known.messages.has(message);
      this.#on.withdrawn(isLast ? { ...entry, conversation: null } : entry);
    }
    // What is made is shown, whatever was chosen before.
    else this.settings.forgetLeaf(id);
    if (!entry.kind) this.#on.moved(entry.id, message);
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
