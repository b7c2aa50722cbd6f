/**
 * The user's conversations as the server has them: read from the API, kept true by frames, and by
 * `changes` where frames were missed. A thin shell around `records.js`.
 */

import { Retry } from "../lib/retry.js";
import * as records from "../state/records.js";

/**
 * @typedef {object} Listeners
 * @property {() => void} changed
 * @property {() => void} reset too much was missed: what is shown has to be read again
 * @property {(problem: unknown, isQuiet: boolean) => void} failed
 */

export class Library {
  /** True if the list has what is put away, instead of the rest. */
  isArchive = false;
  /** The loaded part of each of the two, and its continuation. */
  #lists = unread();
  #api;
  #on;
  #records = records.empty();
  #isCatchingUp = false;
  /** Open conversations of which only pages are here. @type {Set<string>} */
  #parts = new Set();
  #isMissing = false;
  #loading = new Retry(() => this.#loadList());
  #catching = new Retry(() => this.#catchUp());

  /**
   * @param {import("../protocol/api.js").Api} api
   * @param {Listeners} on
   */
  constructor(api, on) {
    this.#api = api;
    this.#on = on;
  }

  /** The conversations of the list, the last used first. */
  get conversations() {
    const isOf = this.isArchive;
    return this.all.filter(({ archived = false }) => archived === isOf);
  }

  /** The pinned ones of the list, in the user's order. */
  get pinned() {
    const pinned = this.conversations.filter((one) => one.pinned > 0);
    return pinned.sort((a, b) => b.pinned - a.pinned);
  }

  /** All known conversations but temporary ones, archived or not, the last used first. */
  get all() {
    return records.newestFirst(this.#records).filter(({ temporary }) => !temporary);
  }

  /** @returns {ReadonlyMap<string, records.Folder>} */
  get folders() {
    return this.#records.folders;
  }

  /** @param {records.Folder[]} folders */
  putFolders(folders) {
    this.#records = records.putFolders(this.#records, folders);
    this.#on.changed();
  }

  /** @param {records.Folder} folder that was removed */
  restoreFolder(folder) {
    this.#records = records.back(this.#records, [folder]);
    this.putFolders([folder]);
  }

  /**
   * Reads conversations that the list may not have come to yet.
   * @param {{folder: string, cursor: string|null}} place
   * @returns {Promise<string|null>} the cursor of the next page
   */
  async readPage(place) {
    const body = await this.#api.conversations(place);
    this.#records = records.applyList(this.#records, body);
    this.#on.changed();
    return body.next;
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
    else this.#loading.stop();
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

  /** True if the list could not be loaded; it is tried again. */
  get isListMissing() {
    return !this.isListLoaded && this.#isMissing;
  }

  /** Loads the list, or more of it, and tries again until it is there. */
  loadList() {
    return this.#loading.now();
  }

  async #loadList() {
    const list = this.#list;
    const archived = this.isArchive;
    try {
      const body = await this.#api.conversations({ cursor: list.next, archived });
      this.#records = records.applyList(this.#records, body);
      if (!archived && !this.conversations.length) await this.#lookIntoArchive();
      list.next = body.next;
      list.isLoaded = true;
      this.#isMissing = false;
      this.#on.changed();
      this.catchUp();
    } catch (problem) {
      this.#isMissing = true;
      this.#on.changed();
      this.#on.failed(problem, true);
      throw problem;
    }
    // The other one was asked for meanwhile.
    if (archived !== this.isArchive && !this.isListLoaded) await this.#loadList();
  }

  /** An empty list may mean that all are archived. */
  async #lookIntoArchive() {
    const body = await this.#api.conversations({ archived: true, limit: 1 });
    this.#records = records.applyList(this.#records, body);
  }

  /**
   * @param {string} q words of titles or messages
   * @param {string|null} before the next page of an earlier answer
   */
  search(q, before = null) {
    return this.#api.search({ q, before });
  }

  /**
   * All matches in one conversation, the oldest first.
   * @param {string} q
   * @param {string} conversation
   */
  async matches(q, conversation) {
    const { results } = await this.#api.search({ q, conversation });
    return results[0]?.excerpts ?? [];
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
    this.#note(id, body.complete);
    this.catchUp();
  }

  /**
   * Reads another page of an open conversation; null where it is not wanted any more.
   * @param {string} id
   * @param {{before?: string, through?: string}} place
   * @param {() => boolean} isWanted
   */
  async more(id, place, isWanted) {
    const body = await this.#api.conversation(id, place);
    if (!isWanted()) return null;
    this.#records = records.addPage(this.#records, body);
    this.catchUp();
    return body;
  }

  /**
   * True if all messages of an open conversation are here.
   * @param {string} id
   */
  isWhole(id) {
    return !this.#parts.has(id);
  }

  /**
   * @param {string} id
   * @param {boolean} [isWhole]
   */
  #note(id, isWhole = true) {
    if (isWhole) this.#parts.delete(id);
    else this.#parts.add(id);
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
   * @param {import("../state/records.js").Change} fields
   */
  async change(id, fields) {
    const { conversation } = await this.#api.change(id, fields);
    this.put([conversation], []);
  }

  /** @param {string} id */
  async remove(id) {
    await this.#api.remove(id);
  }

  /**
   * @param {string} id of a reply
   * @param {import("../protocol.js").FeedbackObject|null} feedback
   */
  async giveFeedback(id, feedback) {
    await this.#api.feedback(id, feedback);
  }

  /** @param {string} id that was removed */
  async restore(id) {
    const { conversation } = await this.#api.restore(id);
    this.#records = records.back(this.#records, [conversation]);
    this.put([conversation], []);
  }

  /**
   * @param {string} id
   * @param {string} message the last one of the new conversation
   * @returns {Promise<string>} the id of the new conversation
   */
  async branch(id, message) {
    const { conversation } = await this.#api.branch(id, message);
    this.put([conversation], []);
    return conversation.id;
  }

  /** @param {records.ChangeFrame} frame */
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
   * @param {import("../protocol/protocol-client.js").ChangesFrame} body
   */
  applyChanges(body) {
    if (this.#records.seq !== null && body.since <= this.#records.seq) this.#take(body);
    else this.hear(body.seq);
  }

  /** @param {import("../protocol.js").ChangesAnswer} body */
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
  catchUp() {
    if (!this.#isCatchingUp && records.isBehind(this.#records)) this.#catching.now();
  }

  async #catchUp() {
    this.#isCatchingUp = true;
    try {
      while (records.isBehind(this.#records)) {
        this.#take(await this.#api.changes(this.#records.seq ?? 0));
      }
    } catch (problem) {
      this.#on.failed(problem, true);
      throw problem;
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
