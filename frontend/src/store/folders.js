/**
 * The folders of the list: read from the server, and the conversations of those that are open.
 * Which ones are open is kept in the browser, as ids only.
 */

import { Retry } from "../lib/retry.js";

/** Pages of conversations that are read of a folder at most. */
const MOST_PAGES = 10;
/** Ids of open folders that are kept. */
const MOST_OPEN = 200;

/** @typedef {import("../state/records.js").Folder} Folder */

export class Folders {
  #api;
  #library;
  #storage;
  #key;
  #isLoaded = false;
  /** Folders whose conversations have been read, or are being read. @type {Set<string>} */
  #read = new Set();
  #loading = new Retry(() => this.#load());

  /**
   * @param {import("../protocol/api.js").Api} api
   * @param {import("./library.js").Library} library
   * @param {import("../state/outbox.js").Store} storage
   * @param {string} key
   */
  constructor(api, library, storage, key) {
    this.#api = api;
    this.#library = library;
    this.#storage = storage;
    this.#key = key;
  }

  /** All folders, by name. @returns {Folder[]} */
  get all() {
    const compare = new Intl.Collator(undefined, { numeric: true }).compare;
    return [...this.#library.folders.values()].sort((a, b) => compare(a.name, b.name));
  }

  /** Reads the folders, and tries again until they are there. */
  load() {
    if (!this.#isLoaded) this.#loading.now();
  }

  /** Reads everything again: changes were missed. */
  reset() {
    this.#isLoaded = false;
    this.#read.clear();
    this.load();
  }

  async #load() {
    const { folders } = await this.#api.folders();
    this.#isLoaded = true;
    this.#library.putFolders(folders);
    const ids = new Set(folders.map(({ id }) => id));
    for (const id of this.#opened) if (ids.has(id)) this.#readIn(id);
  }

  /** @param {string} id */
  isOpen(id) {
    return this.#opened.has(id);
  }

  /**
   * Opens or closes a folder in the list.
   * @param {string} id
   * @param {boolean} isOpen
   */
  setOpen(id, isOpen) {
    const opened = this.#opened;
    opened.delete(id);
    if (isOpen) {
      opened.add(id);
      this.#readIn(id);
    }
    const kept = [...opened].slice(-MOST_OPEN);
    try {
      this.#storage.setItem(this.#key, JSON.stringify(kept));
    } catch {
      // A full storage forgets it.
    }
  }

  /** @returns {Set<string>} */
  get #opened() {
    try {
      const kept = JSON.parse(this.#storage.getItem(this.#key) ?? "[]");
      return new Set(Array.isArray(kept) ? kept : []);
    } catch {
      return new Set();
    }
  }

  /**
   * Reads the conversations of a folder, which the list may not have come to yet.
   * @param {string} folder
   */
  async #readIn(folder) {
    if (this.#read.has(folder)) return;
    this.#read.add(folder);
    let cursor = null;
    try {
      for (let page = 0; page < MOST_PAGES; page++) {
        cursor = await this.#library.readPage({ folder, cursor });
        if (!cursor) break;
      }
    } catch {
      this.#read.delete(folder);
    }
  }

  // --- changes ---------------------------------------------------------------------------------

  /**
   * @param {string} name
   * @returns {Promise<Folder>}
   */
  async make(name) {
    const { folder } = await this.#api.makeFolder(name);
    this.#library.putFolders([folder]);
    this.setOpen(folder.id, true);
    return folder;
  }

  /**
   * @param {string} id
   * @param {string} name
   */
  async rename(id, name) {
    const { folder } = await this.#api.renameFolder(id, name);
    this.#library.putFolders([folder]);
  }

  /** @param {string} id */
  async remove(id) {
    await this.#api.removeFolder(id);
  }

  /** @param {string} id of one that has just been deleted */
  async restore(id) {
    const { folder } = await this.#api.restoreFolder(id);
    this.#library.restoreFolder(folder);
  }
}
