/**
 * Requests of the user that the server has not accepted: unsent messages with the ids they will
 * keep, drafts, and settings that are not saved. It lives in storage under the user's id until the
 * user logs out: neither a lost connection nor a closed page loses a word.
 *
 * Of the messages into one place each waits for the one before: only then is its parent known.
 * A request about an existing message waits for nothing.
 * Each entry has a key of its own, so that two tabs do not overwrite each other's.
 */

/**
 * @typedef {object} Entry
 * @property {string} id made here; the server takes a message with it once, however often it is sent
 * @property {string} place id of the conversation it is written in, or `new:…` for one to be made
 * @property {string|null} conversation
 * @property {string|null} parent
 * @property {string|null} after id of the entry that has to be accepted first
 * @property {"edit"|"regenerate"|"withdraw"} [kind] a message to be sent has none
 * @property {string} [target] id of the message or reply that is edited, regenerated, withdrawn
 * @property {string} text
 * @property {string|null} model
 * @property {Record<string, any>|null} [settings] of the conversation that is to be made
 * @property {boolean} [temporary] true if that is to be a temporary one
 * @property {number} created milliseconds
 * @property {string|null} problem why the server refused it
 *
 * @typedef {object} Written
 * @property {string} place
 * @property {string|null} parent
 * @property {Entry["kind"]} [kind]
 * @property {string} [target]
 * @property {string} text
 * @property {string|null} model
 * @property {Record<string, any>|null} [settings]
 * @property {boolean} [temporary]
 *
 * @typedef {Pick<Storage, "getItem"|"setItem"|"removeItem"|"key"|"length">} Store
 */

export const NEW = "new:";

/**
 * The place of an edited message's draft.
 * @param {string} message
 */
export const editing = (message) => `edit:${message}`;

/** @param {string|null} place */
export const isNew = (place) => place?.startsWith(NEW) ?? false;

export class Outbox {
  #storage;
  #prefix;
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  /** Entries that storage would not take: they live as long as the page. @type {Set<string>} */
  #unsaved = new Set();
  /** Edits that storage would not take, by key. @type {Map<string, string>} */
  #unsavedEdits = new Map();

  /**
   * @param {Store} storage
   * @param {string} user
   */
  constructor(storage, user) {
    this.#storage = storage;
    this.#prefix = `parley:${user}:`;
    this.reload();
  }

  /** Reads again what is stored: another tab may have added, or got rid of, something. */
  reload() {
    const prefix = `${this.#prefix}out:`;
    const stored = new Map();
    for (const key of this.#keys()) {
      if (!key.startsWith(prefix)) continue;
      const entry = parse(this.#storage.getItem(key));
      if (entry) stored.set(entry.id, entry);
    }
    for (const id of this.#unsaved) {
      const entry = this.#entries.get(id);
      if (entry) stored.set(id, entry);
    }
    this.#entries = stored;
  }

  /** @returns {Entry[]} in the order they were written */
  all() {
    return [...this.#entries.values()].sort((a, b) => a.created - b.created);
  }

  /** @param {string} place */
  in(place) {
    return this.all().filter((entry) => entry.place === place);
  }

  /** @param {string} id */
  get(id) {
    return this.#entries.get(id);
  }

  /**
   * Keeps what was asked for. A message behind another one into the same place waits, and its
   * parent is the reply that comes of that one.
   * @param {Written & {id: string, now?: number}} written
   * @returns {Entry}
   */
  add({
    id,
    place,
    parent,
    kind,
    target,
    text,
    model,
    settings = null,
    temporary = false,
    now = Date.now(),
  }) {
    const last = this.in(place).at(-1);
    const before = kind ? undefined : this.in(place).findLast((one) => one.kind !== "withdraw");
    /** @type {Entry} */
    const entry = {
      id,
      place,
      conversation: isNew(place) ? null : place,
      parent: before ? null : parent,
      after: before?.id ?? null,
      ...(kind && { kind, target }),
      ...(temporary && { temporary }),
      text,
      model,
      settings,
      created: Math.max(now, (last?.created ?? 0) + 1),
      problem: null,
    };
    this.#save(entry);
    return entry;
  }

  /** @returns {Entry[]} entries that may be sent now */
  sendable() {
    return this.all().filter((entry) => entry.after === null && entry.problem === null);
  }

  /**
   * Takes out what was accepted, and lets the one behind it go.
   * @param {{id: string, conversation: string, reply: string}} frame
   * @returns {Entry|undefined} the accepted entry
   */
  accept({ id, conversation, reply }) {
    const entry = this.#entries.get(id);
    if (!entry) return undefined;
    for (const other of this.all()) {
      if (other.place !== entry.place || other.id === id) continue;
      const moved = { ...other, place: conversation, conversation };
      this.#save(other.after === id ? { ...moved, parent: reply, after: null } : moved);
    }
    this.#delete(id);
    return entry;
  }

  /**
   * Marks an entry as refused; what waits behind it goes on waiting.
   * @param {string} id
   * @param {string} problem
   */
  refuse(id, problem) {
    const entry = this.#entries.get(id);
    if (entry) this.#save({ ...entry, problem });
  }

  /**
   * Lets a refused entry be sent again, under a new id where the old one was taken.
   * @param {string} id
   * @param {string} [other]
   */
  retry(id, other = id) {
    const entry = this.#entries.get(id);
    if (!entry) return;
    for (const behind of this.all()) {
      if (behind.after === id) this.#save({ ...behind, after: other });
    }
    this.#delete(id);
    this.#save({ ...entry, id: other, problem: null });
  }

  /**
   * Gives an entry up. What waited behind it takes its place.
   * @param {string} id
   */
  discard(id) {
    const entry = this.#entries.get(id);
    if (!entry) return;
    for (const behind of this.all()) {
      if (behind.after !== id) continue;
      const { conversation, parent, after, settings } = entry;
      this.#save({ ...behind, conversation, parent, after, settings: settings ?? null });
    }
    this.#delete(id);
  }

  /** @param {string} place */
  draft(place) {
    return this.#storage.getItem(this.#draftKey(place)) ?? "";
  }

  /**
   * @param {string} place
   * @param {string} text
   */
  setDraft(place, text) {
    if (text) this.#write(this.#draftKey(place), text);
    else this.#storage.removeItem(this.#draftKey(place));
  }

  /**
   * Unsaved settings of a place, see `settings.js`.
   * @param {string} place
   * @returns {Record<string, any>}
   */
  edits(place) {
    const key = this.#editsKey(place);
    try {
      const edits = JSON.parse(this.#unsavedEdits.get(key) ?? this.#storage.getItem(key) ?? "{}");
      return edits && typeof edits === "object" ? edits : {};
    } catch {
      return {};
    }
  }

  /**
   * @param {string} place
   * @param {Record<string, any>} edits
   */
  setEdits(place, edits) {
    const key = this.#editsKey(place);
    this.#unsavedEdits.delete(key);
    if (Object.keys(edits).length === 0) return this.#storage.removeItem(key);
    const value = JSON.stringify(edits);
    if (!this.#write(key, value)) this.#unsavedEdits.set(key, value);
  }

  /** @returns {string[]} the places with such edits */
  edited() {
    const prefix = this.#editsKey("");
    const keys = [...this.#keys(), ...this.#unsavedEdits.keys()];
    return keys.filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
  }

  /** Forgets everything of this user. */
  clear() {
    for (const key of this.#keys()) {
      if (key.startsWith(this.#prefix)) this.#storage.removeItem(key);
    }
    this.#entries.clear();
    this.#unsaved.clear();
    this.#unsavedEdits.clear();
  }

  /**
   * The key of something else of this user in the storage. `clear` removes it too.
   * @param {string} name
   */
  key(name) {
    return this.#prefix + name;
  }

  /** @param {string} place */
  #draftKey(place) {
    return `${this.#prefix}draft:${isNew(place) ? "new" : place}`;
  }

  /** @param {string} place */
  #editsKey(place) {
    return `${this.#prefix}settings:${place}`;
  }

  #keys() {
    const keys = [];
    for (let i = 0; i < this.#storage.length; i++) keys.push(this.#storage.key(i) ?? "");
    return keys;
  }

  /** @param {Entry} entry */
  #save(entry) {
    this.#entries.set(entry.id, entry);
    if (this.#write(`${this.#prefix}out:${entry.id}`, JSON.stringify(entry))) {
      this.#unsaved.delete(entry.id);
    } else {
      this.#unsaved.add(entry.id);
    }
  }

  /** @param {string} id */
  #delete(id) {
    this.#entries.delete(id);
    this.#unsaved.delete(id);
    this.#storage.removeItem(`${this.#prefix}out:${id}`);
  }

  /**
   * @param {string} key
   * @param {string} value
   * @returns {boolean} false if storage is full or forbidden
   */
  #write(key, value) {
    try {
      this.#storage.setItem(key, value);
      return true;
    } catch {
      return false;
    }
  }
}

/**
 * @param {string|null} stored
 * @returns {Entry|null}
 */
function parse(stored) {
  try {
    const entry = JSON.parse(stored ?? "");
    return typeof entry?.id === "string" && typeof entry.text === "string" ? entry : null;
  } catch {
    return null;
  }
}
