/** Items of the thread, in order. Pure. */
import { children } from "./tree.js";

/**
 * @typedef {import("./records.js").Message} Message
 * @typedef {import("./reply.js").Reply} Reply
 * @typedef {import("./outbox.js").Entry} Entry
 *
 * @typedef {object} Place among the versions of a message
 * @property {number} at from 1
 * @property {number} count
 * @property {string|null} before id of the version before it
 * @property {string|null} after
 *
 * @typedef {object} Item something in the thread
 * @property {string} key
 * @property {Message} [message]
 * @property {Reply} [reply] for a reply
 * @property {boolean} [isLast] nothing hangs on it
 * @property {Place} [place] where there are several versions
 * @property {boolean} [isWaiting] its one reply has not begun: it can be changed and taken back
 * @property {Entry} [entry] what was asked for of this, and is not accepted yet
 */

/**
 * @param {import("./records.js").Messages} messages all of the conversation
 * @param {Message[]} shown the path
 * @param {Entry[]} entries requests that are not accepted yet
 * @param {(message: Message) => Reply} replyOf
 * @returns {Item[]}
 */
export function threadItems(messages, shown, entries, replyOf) {
  const answers = children(messages);
  const asked = new Map(entries.map((entry) => [entry.target ?? "", entry]));
  /** @type {Item[]} */
  const items = [];
  for (const message of shown) {
    const { id, role } = message;
    const entry = asked.get(id);
    const place = placeOf(answers, message);
    /** @type {Item} */
    const item = { key: id, message, isLast: !answers.has(id) };
    if (place) item.place = place;
    if (entry) item.entry = entry;
    if (role === "assistant") item.reply = replyOf(message);
    else item.isWaiting = isWaiting(answers.get(id) ?? [], replyOf);
    items.push(item);
    // The edit begins a thread of its own from here.
    if (entry?.kind === "edit" && !item.isWaiting) break;
  }
  const keys = new Set(items.map(({ key }) => key));
  for (const entry of entries) {
    if (entry.kind && (entry.kind !== "edit" || keys.has(entry.target ?? ""))) continue;
    // The row may be known before `accepted`: then its entry is that message.
    const isStored = shown.some(
      ({ role, parent, text }) =>
        role === "user" && parent === entry.parent && text === entry.text && !entry.after,
    );
    if (!isStored || entry.problem) items.push({ key: entry.id, entry });
  }
  return items;
}

/**
 * @param {Map<string, Message[]>} answers
 * @param {Message} message
 * @returns {Place|null}
 */
function placeOf(answers, { id, parent, role }) {
  const all = (answers.get(parent ?? "") ?? []).filter((one) => one.role === role);
  const at = all.findIndex((one) => one.id === id);
  if (all.length < 2) return null;
  const before = all[at - 1]?.id ?? null;
  return { at: at + 1, count: all.length, before, after: all[at + 1]?.id ?? null };
}

/**
 * @param {Message[]} replies
 * @param {(message: Message) => Reply} replyOf
 */
function isWaiting([only, ...others], replyOf) {
  if (!only || others.length || only.status !== "queued") return false;
  const { status, length, reasoningLength } = replyOf(only);
  return status === "queued" && length + reasoningLength === 0;
}
