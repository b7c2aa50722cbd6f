/**
 * Conversations of the user, messages of open ones, and the change counter that keeps both up to
 * date. Pure: every function returns the next state and leaves the old one alone.
 *
 * A frame is applied where its `seq` is the next one. After a jump the state is `behind`, until
 * `applyChanges` brought what was missed. Objects carry the number of their own last change, so an
 * answer that was read earlier never overwrites what came later.
 */

/**
 * @typedef {import("../protocol.js").ConversationObject} Conversation
 * @typedef {import("../protocol.js").ReplyObject} ReplyObject
 * @typedef {import("../protocol.js").ConversationFrame | import("../protocol.js").MessageFrame |
 *   import("../protocol.js").ConversationGoneFrame | import("../protocol.js").MessageGoneFrame |
 *   import("../protocol.js").FolderFrame | import("../protocol.js").FolderGoneFrame} ChangeFrame
 *
 * @typedef {import("../protocol.js").FolderObject} Folder
 *
 * @typedef {{title?: string, model?: string, leaf?: string, archived?: boolean, pinned?: boolean,
 *   settings?: import("../protocol.js").Settings, folder?: string}} Change of a conversation; the
 *   folder "none" is no folder
 *
 * @typedef {Omit<import("../protocol.js").UserMessageObject, "role"|"text"> &
 *   Partial<Omit<ReplyObject, "role"|"status">> & {role: "user"|"system"|"assistant",
 *   status?: ReplyObject["status"]|null, isStub?: boolean}} Message of which a reply has more than
 *   others; of a stub only that it is there is known
 *
 * @typedef {ReadonlyMap<string, Message>} Messages
 *
 * @typedef {Pick<import("../protocol.js").Tree, "seq"|"conversation"|"messages"> &
 *   Partial<import("../protocol.js").Tree>} Page of a conversation
 *
 * @typedef {object} Records
 * @property {number|null} seq of the last change that was applied; null before anything was read
 * @property {number} seen the highest number heard of
 * @property {ReadonlyMap<string, Conversation>} conversations
 * @property {ReadonlyMap<string, Messages>} threads the messages of each open conversation
 * @property {ReadonlyMap<string, Folder>} folders
 * @property {ReadonlySet<string>} gone ids of what was deleted
 */

/** @returns {Records} */
export function empty() {
  return {
    ...{ seq: null, seen: 0, conversations: new Map(), threads: new Map(), folders: new Map() },
    gone: new Set(),
  };
}

/**
 * True if changes were missed: `GET changes?since=seq` is due.
 * @param {Records} records
 */
export function isBehind(records) {
  return records.seq !== null && records.seen > records.seq;
}

/**
 * Notes a number that the server spoke of (`ready`, `ping`).
 * @param {Records} records
 * @param {number} seq
 * @returns {Records}
 */
export function hear(records, seq) {
  return seq > records.seen ? { ...records, seen: seq } : records;
}

/**
 * A `conversation`, `message` or `folder` frame.
 * @param {Records} records
 * @param {ChangeFrame} frame
 * @returns {Records}
 */
export function apply(records, frame) {
  const heard = hear(records, frame.seq);
  if (heard.seq === null || frame.seq !== heard.seq + 1) return heard;
  const next = { ...heard, seq: frame.seq };
  if (frame.type === "conversation") {
    return frame.event === "deleted"
      ? remove(next, [frame.conversation.id], [])
      : put(back(next, [frame.conversation]), [frame.conversation], []);
  }
  if (frame.type === "folder") {
    return frame.event === "deleted"
      ? removeFolders(next, [frame.folder.id])
      : putFolders(back(next, [frame.folder]), [frame.folder]);
  }
  return frame.event === "deleted"
    ? remove(next, [], [frame.message.id])
    : put(next, [], [frame.message]);
}

/**
 * A page of the list. The first page read sets the counter.
 * @param {Records} records
 * @param {Pick<import("../protocol.js").Listed, "seq"|"conversations">} body
 * @returns {Records}
 */
export function applyList(records, body) {
  const next = hear({ ...records, seq: records.seq ?? body.seq }, body.seq);
  return put(next, body.conversations, []);
}

/**
 * A conversation with its tree, or the newest page of it: from now on its messages are kept up to
 * date.
 * @param {Records} records
 * @param {Page} body
 * @returns {Records}
 */
export function openThread(records, body) {
  const { id } = body.conversation;
  if (records.gone.has(id)) return records;
  const threads = new Map(records.threads);
  const known = threads.get(id);
  const messages = messagesOf(body);
  const stored = new Set(messages.map((message) => message.id));
  // A record missing in the answer is newer than it, or was deleted while nobody listened.
  const newer = [...(known ?? [])].filter(
    ([key, message]) => !stored.has(key) && (message.seq === 0 || message.seq > body.seq),
  );
  threads.set(id, new Map(newer));
  const next = put({ ...hear(records, body.seq), threads }, [body.conversation], messages);
  return known
    ? put(
        next,
        [],
        [...known.values()].filter((message) => stored.has(message.id)),
      )
    : next;
}

/**
 * The records of a page, and versions beside its messages unless better ones are known.
 * @param {Page} body
 * @param {Messages} [known]
 * @returns {Message[]}
 */
function messagesOf({ conversation, messages, versions = [] }, known = new Map()) {
  const unknown = versions.filter(({ id }) => !known.has(id));
  const stubs = unknown.map((one) => ({ ...one, conversation: conversation.id, isStub: true }));
  return [...stubs, ...messages];
}

/**
 * True if only the existence of a message is known.
 * @param {Message|undefined} message
 */
export function isStub(message) {
  return !message || message.isStub === true;
}

/**
 * Adds another page of an open conversation.
 * @param {Records} records
 * @param {Page} body
 * @returns {Records}
 */
export function addPage(records, body) {
  const messages = messagesOf(body, records.threads.get(body.conversation.id));
  return put(hear(records, body.seq), [body.conversation], messages);
}

/**
 * Records of an accepted request, before the server's own: with `seq: 0`, so that whatever it sends
 * of these replaces them.
 * @param {import("./outbox.js").Entry} entry
 * @param {{conversation: string, message: string, reply: string}} accepted
 * @param {{conversation: Conversation|undefined, messages: Messages|undefined}} known of the place;
 *   nothing of a new conversation
 * @param {string} title of a new one
 * @param {string} created ISO 8601
 * @returns {{conversation: Conversation, messages: Message[]}}
 */
export function made(entry, accepted, known, title, created) {
  const { conversation: id, message, reply } = accepted;
  const { kind, target, model, text, settings } = entry;
  const before = known.conversation ?? {
    ...{ id, title, model, settings: settings ?? {}, leaf: null },
    ...{ created, updated: created, running: true, archived: false, source: null, seq: 0 },
    ...{ folder: null, pinned: 0, branched_from: null, temporary: entry.temporary ?? false },
  };
  const edited = known.messages?.get(target ?? "");
  if (kind === "withdraw") return { conversation: before, messages: [] };
  if (kind === "edit" && message === target) {
    return { conversation: before, messages: edited ? [{ ...edited, text }] : [] };
  }
  const parent = kind === "edit" ? (edited?.parent ?? null) : entry.parent;
  const common = { conversation: id, created, seq: 0 };
  const answer = { parent: message, role: /** @type {const} */ ("assistant") };
  /** @type {Message[]} */
  const messages = [{ ...common, ...answer, id: reply, status: "queued", attempt: 0 }];
  if (kind !== "regenerate")
    messages.unshift({ ...common, id: message, parent, role: "user", text });
  // An answer that comes again says nothing of what was chosen since.
  const isNews = kind ? !known.messages?.has(reply) : before.leaf === parent;
  return { conversation: { ...before, leaf: isNews ? reply : before.leaf }, messages };
}

/**
 * Forgets the messages of a conversation that is no longer shown.
 * @param {Records} records
 * @param {string} id
 * @returns {Records}
 */
export function closeThread(records, id) {
  if (!records.threads.has(id)) return records;
  const threads = new Map(records.threads);
  threads.delete(id);
  return { ...records, threads };
}

/**
 * The answer to `changes?since=`. Where it says `reset`, the caller reads its lists again.
 * @param {Records} records
 * @param {import("../protocol.js").ChangesAnswer} body
 * @returns {Records}
 */
export function applyChanges(records, body) {
  const seq = Math.max(records.seq ?? 0, body.seq);
  if (body.reset) {
    const { threads, folders } = records;
    return { ...empty(), seq, seen: Math.max(records.seen, seq), threads, folders };
  }
  const next = hear({ ...records, seq }, seq);
  const removed = remove(next, body.deleted.conversations, body.deleted.messages);
  const left = removeFolders(removed, body.deleted.folders);
  const there = putFolders(back(left, body.folders), body.folders);
  return put(back(there, body.conversations), body.conversations, body.messages);
}

/**
 * Puts folders in, each unless a later state of it is known or it was deleted.
 * @param {Records} records
 * @param {Folder[]} folders
 * @returns {Records}
 */
export function putFolders(records, folders) {
  if (!folders.length) return records;
  const known = new Map(records.folders);
  for (const one of folders) {
    const isNews = (known.get(one.id)?.seq ?? -1) <= one.seq;
    if (!records.gone.has(one.id) && isNews) known.set(one.id, one);
  }
  return { ...records, folders: known };
}

/**
 * @param {Records} records
 * @param {string[]} ids
 * @returns {Records}
 */
function removeFolders(records, ids) {
  if (!ids.length) return records;
  const folders = new Map(records.folders);
  for (const id of ids) folders.delete(id);
  return { ...records, folders, gone: new Set([...records.gone, ...ids]) };
}

/**
 * Puts objects in, each unless a later state of it is known or it was deleted.
 * @param {Records} records
 * @param {Conversation[]} conversations
 * @param {Message[]} messages of conversations that are not open are left out
 * @returns {Records}
 */
export function put(records, conversations, messages) {
  const { gone } = records;
  const list = new Map(records.conversations);
  for (const one of conversations) {
    const known = list.get(one.id);
    if (!gone.has(one.id) && (known?.seq ?? -1) <= one.seq) list.set(one.id, { ...known, ...one });
  }
  const threads = new Map(records.threads);
  const copied = new Set();
  for (const one of messages) {
    let thread = threads.get(one.conversation);
    if (!thread || gone.has(one.id)) continue;
    const known = thread.get(one.id);
    if ((known?.seq ?? -1) > one.seq) continue;
    if (!copied.has(one.conversation)) {
      copied.add(one.conversation);
      thread = new Map(thread);
      threads.set(one.conversation, thread);
    }
    /** @type {Map<string, Message>} */ (thread).set(one.id, merge(known, one));
  }
  return { ...records, conversations: list, threads };
}

/**
 * Frames leave out a reply's text: what was read of it stays only while it is the same text.
 * @param {Message|undefined} known
 * @param {Message} message
 * @returns {Message}
 */
function merge(known, message) {
  if (!known) return message;
  const merged = { ...known, ...message };
  if (!message.isStub) delete merged.isStub;
  if (message.role === "assistant" && message.text === undefined) {
    const same = known.attempt === message.attempt && known.sha256 === message.sha256;
    if (!same) {
      delete merged.text;
      delete merged.reasoning;
    }
  }
  return merged;
}

/**
 * @param {Records} records
 * @param {string[]} conversations
 * @param {string[]} messages
 * @returns {Records}
 */
function remove(records, conversations, messages) {
  if (!conversations.length && !messages.length) return records;
  const list = new Map(records.conversations);
  const threads = new Map(records.threads);
  for (const id of conversations) {
    list.delete(id);
    threads.delete(id);
  }
  const ids = new Set(messages);
  for (const [id, thread] of threads) {
    const kept = [...thread].filter(([key]) => !ids.has(key));
    if (kept.length < thread.size) threads.set(id, new Map(kept));
  }
  const gone = new Set([...records.gone, ...conversations, ...messages]);
  return { ...records, conversations: list, threads, gone };
}

/**
 * Conversations or folders that were removed, and are there again.
 * @param {Records} records
 * @param {{id: string}[]} objects
 * @returns {Records}
 */
export function back(records, objects) {
  if (!objects.some(({ id }) => records.gone.has(id))) return records;
  const gone = new Set(records.gone);
  for (const { id } of objects) gone.delete(id);
  return { ...records, gone };
}

/**
 * The conversations, the last used first.
 * @param {Records} records
 * @returns {Conversation[]}
 */
export function newestFirst(records) {
  return [...records.conversations.values()].sort(
    (a, b) => compare(b.updated, a.updated) || compare(b.id, a.id),
  );
}

/**
 * @param {string} a
 * @param {string} b
 */
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
