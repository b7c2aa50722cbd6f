/**
 * The user's conversations as the server has them: read from the API, kept true by frames, and by
 * `changes` where frames were missed. A thin shell around `records.js`.
 */
import * as records from "./records.js";

const AGAIN_MS = 3000;

/**
 * @typedef {{title?: string, model?: string, leaf?: string, archived?: boolean,
 *   settings?: Record<string, any>}} Change
 *
 * @typedef {object} Listeners
 * @property {() => void} changed
 * @property {() => void} reset too much was missed: what is shown has to be read again
 * @property {(problem: unknown, isQuiet: boolean) => void} failed
 */

export class Library {
  /** Whether the list has what is put away, instead of the rest. */
  isArchive = false;
  /** How far each of the two is loaded, and where it goes on. */
  #lists = unread();
  #api;
  #on;
  #records = records.empty();
  #isCatchingUp = false;

  /**
   * @param {import("./api.js").Api} api
   * @param {Listeners} on
   */
  constructor(api, on) {
    this.#api = api;
    this.#on = on;
  }

  /** The conversations of the list, the last used first. */
  get conversations() {
    const isOf = this.isArchive;
    return records.newestFirst(this.#records).filter(({ archived = false }) => archived === isOf);
  }

  /** More of the list can be loaded from here. @returns {string|null} */
  get next() {
    return this.#list.next;
  }

  get isListLoaded() {
    return this.#list.isLoaded;
  }

  get #list() {
    return this.isArchive ? this.#lists.archive : this.#lists.rest;
  }

  /** @param {boolean} isArchive */
  showArchive(isArchive) {
    this.isArchive = isArchive;
    if (!this.isListLoaded) this.loadList();
    this.#on.changed();
  }

  /** @param {string} id */
  conversation(id) {
    return this.#records.conversations.get(id);
  }

  /**
   * The messages of an open conversation.
   * @param {string} id
   * @returns {records.Messages|undefined}
   */
  thread(id) {
    return this.#records.threads.get(id);
  }

  /** @param {string} id */
  isGone(id) {
    return this.#records.gone.has(id);
  }

  /** Loads the list, or more of it. */
  async loadList() {
    const list = this.#list;
    const archived = this.isArchive;
    try {
      const body = await this.#api.conversations({ cursor: list.next, archived });
      this.#records = records.applyList(this.#records, body);
      list.next = body.next;
      list.isLoaded = true;
      this.#on.changed();
      this.catchUp();
    } catch (problem) {
      this.#on.failed(problem, false);
      if (!list.isLoaded) setTimeout(() => this.isListLoaded || this.loadList(), AGAIN_MS);
    }
  }

  /**
   * @param {string} q words of a title
   * @returns {Promise<string[]>} ids
   */
  async search(q) {
    const body = await this.#api.conversations({ q, limit: 100, archived: this.isArchive });
    this.#records = records.applyList(this.#records, body);
    return body.conversations.map((/** @type {{id: string}} */ { id }) => id);
  }

  /**
   * Reads a conversation with its tree, and keeps it up to date until `close`.
   * @param {string} id
   * @param {() => boolean} isWanted still, when it has come
   */
  async open(id, isWanted) {
    const body = await this.#api.conversation(id);
    if (!isWanted()) return;
    this.#records = records.openThread(this.#records, body);
    this.catchUp();
  }

  /**
   * Opens a conversation that has just been made: there is nothing to read.
   * @param {records.Conversation} conversation
   */
  begin(conversation) {
    const seq = this.#records.seq ?? 0;
    this.#records = records.openThread(this.#records, { seq, conversation, messages: [] });
  }

  /** @param {string} id */
  close(id) {
    this.#records = records.closeThread(this.#records, id);
  }

  /**
   * Puts in what is known before the server says it.
   * @param {records.Conversation[]} conversations
   * @param {records.Message[]} messages
   */
  put(conversations, messages) {
    this.#records = records.put(this.#records, conversations, messages);
  }

  /**
   * @param {string} id
   * @param {Change} fields
   */
  async change(id, fields) {
    const { conversation } = await this.#api.change(id, fields);
    this.put([conversation], []);
  }

  /** @param {string} id */
  async remove(id) {
    await this.#api.remove(id);
  }

  /** @param {any} frame a `conversation` or `message` frame */
  apply(frame) {
    this.#records = records.apply(this.#records, frame);
    this.catchUp();
    this.#on.changed();
  }

  /** @param {number} seq the server spoke of */
  hear(seq) {
    this.#records = records.hear(this.#records, seq);
    this.catchUp();
  }

  /**
   * Changes that somebody else asked for.
   * @param {any} body with the number since when
   */
  applyChanges(body) {
    if (this.#records.seq !== null && body.since <= this.#records.seq) this.#take(body);
    else this.hear(body.seq);
  }

  /** @param {any} body of `changes` */
  #take(body) {
    this.#records = records.applyChanges(this.#records, body);
    if (body.reset) {
      this.#lists = unread();
      this.loadList();
      this.#on.reset();
    }
    this.#on.changed();
  }

  /** Reads what was missed, where something was. */
  async catchUp() {
    if (this.#isCatchingUp || !records.isBehind(this.#records)) return;
    this.#isCatchingUp = true;
    try {
      while (records.isBehind(this.#records)) {
        this.#take(await this.#api.changes(this.#records.seq ?? 0));
      }
    } catch (problem) {
      this.#on.failed(problem, true);
      setTimeout(() => this.catchUp(), AGAIN_MS);
    } finally {
      this.#isCatchingUp = false;
    }
  }
}

/** @returns {Record<"archive"|"rest", {isLoaded: boolean, next: string|null}>} */
const unread = () => ({
  archive: { isLoaded: false, next: null },
  rest: { isLoaded: false, next: null },
});
