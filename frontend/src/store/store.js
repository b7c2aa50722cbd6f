/**
 * The data of the page: conversations, the shown thread, growing replies, unsent messages.
 * It speaks to the server and notifies the views of changes; it touches no element.
 */

import { Retry } from "../lib/retry.js";
import { sentences, t } from "../lib/translate.js";
import { ApiError } from "../protocol/api.js";
import { ProtocolClient, VERSION } from "../protocol/protocol-client.js";
import { Kept } from "../state/kept.js";
import { isNew, NEW, Outbox } from "../state/outbox.js";
import { isStub, made } from "../state/records.js";
import { threadItems } from "../state/thread-items.js";
import { titleOf } from "../state/titles.js";
import { path } from "../state/tree.js";
import { Commands } from "./commands.js";
import { Folders } from "./folders.js";
import { Library } from "./library.js";
import { Models } from "./models.js";
import { Replies } from "./replies.js";
import { Sender } from "./sender.js";
import { SettingsKeeper } from "./settings-keeper.js";

/**
 * @typedef {import("../protocol/socket.js").Connection} Connection
 * @typedef {import("../state/reply.js").Reply} Reply
 * @typedef {import("../state/records.js").Message} Message
 *
 * @typedef {object} Listeners
 * @property {() => void} changed the list or what is shown of the thread
 * @property {(reply: Reply, before: Reply) => void} reply a shown reply grew or changed
 * @property {(from: string, to: string) => void} moved what was keyed `from` is keyed `to`
 * @property {(entry: import("../state/outbox.js").Entry) => void} withdrawn a message is taken back, and
 *   with `conversation: null` all of its conversation
 * @property {(place: string) => void} placed the shown new conversation was given its id
 * @property {(connection: Connection, isReady: boolean) => void} connection
 * @property {(text: string) => void} trouble
 * @property {() => void} loggedOut
 * @property {() => void} outdated the server speaks a newer protocol
 */

/** Messages of a page of a conversation. */
const PAGE = 100;

export class Store {
  /** @type {"loading"|"ready"|"missing"|"unreachable"} */
  threadState = "ready";
  /** The model chosen for a new conversation. @type {string|null} */
  newModel = null;
  place = NEW;
  #isReading = false;
  /** True if the operator allows temporary conversations. */
  mayBeTemporary = false;
  #willBeTemporary = false;
  #kept = new Kept();
  /** The end of a path that was asked for. */
  #sought = "";
  #page;
  #on;
  #sender;
  #replies = new Replies(() => this.client);
  #loading = new Retry(() => this.#load());
  /** The most that a reply may hold: nothing can be added to a full one. */
  replyBytes = 1024 * 1024;

  /**
   * @param {{page: any, api: import("../protocol/api.js").Api, storage: import("../state/outbox.js").Store,
   *   connect: ConstructorParameters<typeof ProtocolClient>[0], on: Listeners}} parts
   */
  constructor({ page, api, storage, connect, on }) {
    this.#page = page;
    this.#on = on;
    this.models = new Models(api, page.models);
    this.library = new Library(api, {
      changed: () => this.#changed(),
      reset: () => {
        this.folders.reset();
        this.reload();
      },
      failed: (problem, isQuiet) => this.#failed(problem, isQuiet),
    });
    this.outbox = new Outbox(storage, page.user.id);
    this.folders = new Folders(api, this.library, storage, this.outbox.key("folders"));
    this.client = new ProtocolClient(connect, {
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
    this.#sender = new Sender(this.outbox, this.client, (place) => this.settings.isPending(place));
    this.commands = new Commands(this, this.#sender);
    const { defaults } = page;
    if (this.models.find(defaults?.model)) this.newModel = defaults.model;
    this.settings = new SettingsKeeper({
      outbox: this.outbox,
      defaults: defaults?.settings,
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
    this.client.connect();
    this.library.loadList();
    this.folders.load();
  }

  // --- what is shown ---------------------------------------------------------------------------

  /** The shown conversation; undefined for a new one. */
  get shown() {
    return this.library.conversation(this.place);
  }

  /** True if what is shown is a temporary conversation, or will be one. */
  get isTemporary() {
    if (this.place === NEW) return this.#willBeTemporary;
    if (isNew(this.place)) return this.outbox.in(this.place)[0]?.temporary ?? false;
    return this.shown?.temporary ?? false;
  }

  /**
   * Has the conversation that is about to begin be a temporary one, or not.
   * @param {boolean} isTemporary
   */
  setTemporary(isTemporary) {
    this.#willBeTemporary = isTemporary && this.mayBeTemporary;
    this.#on.changed();
  }

  /** The model that answers at the shown place: its own, or the default. */
  get model() {
    const chosen = this.settings.modelOf(this.place);
    return (isNew(this.place) ? (chosen ?? this.newModel) : chosen) ?? this.models.default;
  }

  /** The items of the thread, in order. */
  items() {
    const messages = this.library.thread(this.place) ?? new Map();
    return threadItems(messages, this.path, this.outbox.in(this.place), (one) => this.reply(one));
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
    this.#loading.stop();
    if (place !== this.place) this.#leave();
    this.place = place;
    this.#kept.take(place);
    this.#willBeTemporary = false;
    this.threadState = isNew(place) || this.library.thread(place) ? "ready" : "loading";
    this.#on.changed();
    if (!isNew(place)) this.#loading.now();
  }

  /** Reads again what is shown. */
  reload() {
    if (!isNew(this.place)) this.show(this.place);
  }

  #leave() {
    const { place, path, library } = this;
    this.client.show(null);
    this.#replies.leave();
    if (isNew(place)) return;
    // Only the last page of a long one is read again: what is above would go.
    const isShort = library.thread(place) && path.length <= PAGE;
    for (const id of isShort ? this.#kept.add(place, this.#sizeOf(path)) : [place]) {
      this.#replies.forget(library.thread(id)?.keys() ?? []);
      library.close(id);
    }
  }

  /** @param {Message[]} path */
  #sizeOf(path) {
    let size = 0;
    for (const message of path) {
      const { text, reasoning } = this.#replies.get(message.id) ?? message;
      size += (text?.length ?? 0) + (reasoning?.length ?? 0);
    }
    return size;
  }

  /** @returns {Promise<void>} */
  async #load() {
    const { place } = this;
    if (isNew(place)) return;
    try {
      await this.library.open(place, () => place === this.place);
      if (place !== this.place) return this.#load();
      this.threadState = "ready";
    } catch (problem) {
      if (place !== this.place) return this.#load();
      const isMissing = problem instanceof ApiError && problem.status === 404;
      if (this.threadState === "loading" || isMissing) {
        this.threadState = isMissing ? "missing" : "unreachable";
      }
      this.#failed(problem, true);
      this.#changed();
      if (isMissing) return;
      throw problem;
    }
    this.#changed();
  }

  /** The first shown message, where there are more before it: they can be read. */
  get earlier() {
    const [first] = this.path;
    return first?.parent ? first.id : null;
  }

  /**
   * Reads the page before those that are shown.
   * @param {(before: string) => void} draw
   */
  async readEarlier(draw) {
    const { earlier } = this;
    if (!earlier || this.#isReading) return;
    this.#isReading = true;
    const body = await this.#read({ before: earlier });
    this.#isReading = false;
    if (body) draw(earlier);
  }

  /**
   * Reads the path through a message; where it ends.
   * @param {string} id
   * @returns {Promise<string|null>}
   */
  async readThrough(id) {
    return (await this.#read({ through: id }))?.last ?? null;
  }

  /** @param {{before?: string, through?: string}} page */
  async #read(page) {
    const { place } = this;
    try {
      return await this.library.more(place, page, () => place === this.place);
    } catch (problem) {
      this.#failed(problem, false);
      return null;
    }
  }

  /** Messages shown in another page may not have been read here. */
  async #readLeaf() {
    const { place, library } = this;
    const leaf = this.settings.leafOf(place);
    const messages = library.thread(place);
    if (!leaf || !messages || library.isWhole(place) || leaf === this.#sought) return;
    if (!isStub(messages.get(leaf))) return;
    this.#sought = leaf;
    if (await this.readThrough(leaf)) this.#changed();
  }

  #changed() {
    if (!isNew(this.place) && this.library.isGone(this.place)) this.threadState = "missing";
    this.#readLeaf();
    this.#replies.follow(this.path);
    this.client.show(this.shown?.temporary ? this.place : null);
    this.settings.pump();
    this.#on.changed();
  }

  /** Show the views that a command was given. */
  notify() {
    this.#on.changed();
  }

  // --- changing --------------------------------------------------------------------------------

  /**
   * @param {string} id
   * @param {import("../state/records.js").Change} fields
   */
  change(id, fields) {
    return this.attempt(() => this.library.change(id, fields));
  }

  /** @param {string} id */
  remove(id) {
    return this.attempt(() => this.library.remove(id));
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
   * Does what may fail, and says so if it does.
   * @param {() => Promise<void>} act
   * @returns {Promise<boolean>} true if it was done
   */
  async attempt(act) {
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

  /** @param {import("../protocol.js").ReadyFrame} frame */
  #ready(frame) {
    if (String(frame.user?.id) !== String(this.#page.user.id)) return location.reload();
    if (frame.v > VERSION) this.#on.outdated();
    this.commands.sendBytes = frame.limits?.send_bytes ?? this.commands.sendBytes;
    this.replyBytes = frame.limits?.reply_bytes ?? this.replyBytes;
    this.mayBeTemporary = frame.limits?.temporary ?? false;
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

  /**
   * Reads the models on offer again: somebody may have added one.
   * @param {boolean} [isQuiet] nobody asked
   */
  async loadModels(isQuiet = true) {
    try {
      await this.models.load();
      this.#on.changed();
    } catch (problem) {
      this.#failed(problem, isQuiet);
    }
  }

  /** @param {import("../protocol.js").AcceptedFrame} frame */
  #accepted(frame) {
    const entry = this.#sender.accept(frame);
    if (!entry) return;
    const { conversation: id, message, reply } = frame;
    // The server follows what it makes; only what is shown has to be.
    if (entry.place !== this.place) this.client.unfollow(reply);
    const known = {
      conversation: this.library.conversation(id),
      messages: this.library.thread(id),
    };
    const now = new Date().toISOString();
    const { conversation, messages } = made(entry, frame, known, titleOf(entry.text), now);
    if (isNew(entry.place)) this.settings.move(entry.place, id);
    if (entry.place === this.place && isNew(entry.place)) {
      this.library.begin(conversation);
      this.place = id;
      this.threadState = "ready";
      this.#on.placed(id);
    }
    this.library.put([conversation], messages);
    if (entry.kind === "withdraw") {
      // The conversation goes with its only message.
      const isLast = known.messages?.size === 2 && known.messages.has(message);
      this.#on.withdrawn(isLast ? { ...entry, conversation: null } : entry);
    }
    // A new version is shown, in place of an earlier choice.
    else this.settings.forgetLeaf(id);
    if (!entry.kind) this.#on.moved(entry.id, message);
    this.#changed();
  }

  /** @param {import("../protocol/protocol-client.js").Refusal} frame */
  #refused(frame) {
    if (frame.retry_after) {
      return this.#on.trouble(
        sentences(frame.message, t("Trying again in {n} s.", { n: frame.retry_after })),
      );
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
    // The bar about the lost connection says enough.
    else if (!isQuiet && (problem.status || this.client.isReady)) this.#on.trouble(problem.message);
  }
}
