/** The tree of a conversation's messages. Pure. */
import { isStub } from "./records.js";

/** @typedef {import("./records.js").Message} Message */

/**
 * The shown path, from the root to `leaf`. Without a known leaf, to the newest message.
 * @param {import("./records.js").Messages} messages
 * @param {string|null} leaf
 * @returns {Message[]}
 */
export function path(messages, leaf) {
  /** @type {Message[]} */
  const found = [];
  const seen = new Set();
  const end = messages.get(leaf ?? "");
  let at = isStub(end) ? newest(messages) : end;
  while (at && !seen.has(at.id)) {
    seen.add(at.id);
    found.push(at);
    at = at.parent ? messages.get(at.parent) : undefined;
  }
  return found.reverse();
}

/** @param {import("./records.js").Messages} messages */
function newest(messages) {
  /** @type {Message|undefined} */
  let last;
  for (const message of messages.values()) {
    if (isStub(message)) continue;
    if (!last || message.created >= last.created) last = message;
  }
  return last;
}

/**
 * Children of each message, the oldest first; those of the root under "".
 * @param {import("./records.js").Messages} messages
 * @returns {Map<string, Message[]>}
 */
export function children(messages) {
  /** @type {Map<string, Message[]>} */
  const found = new Map();
  for (const message of messages.values()) {
    const beside = found.get(message.parent ?? "");
    if (beside) beside.push(message);
    else found.set(message.parent ?? "", [message]);
  }
  for (const beside of found.values()) beside.sort((a, b) => compare(a.created, b.created));
  return found;
}

/**
 * @param {string} a
 * @param {string} b
 */
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * End of the path through a message: `wanted` if that is below it, else the
 * newest message below that has no answer.
 * @param {import("./records.js").Messages} messages
 * @param {string} id
 * @param {string} [wanted]
 * @returns {string}
 */
export function leafBelow(messages, id, wanted) {
  const answers = children(messages);
  const below = subtree(messages, answers, id);
  const found = wanted && below.has(wanted) ? subtree(messages, answers, wanted) : below;
  const leaves = [...found].filter(([key]) => !answers.has(key));
  return newest(new Map(leaves))?.id ?? id;
}

/**
 * A message and all below it.
 * @param {import("./records.js").Messages} messages
 * @param {Map<string, Message[]>} answers
 * @param {string} id
 * @returns {Map<string, Message>}
 */
function subtree(messages, answers, id) {
  /** @type {Map<string, Message>} */
  const found = new Map();
  const open = [messages.get(id)];
  for (const message of open) {
    if (!message || found.has(message.id)) continue;
    found.set(message.id, message);
    open.push(...(answers.get(message.id) ?? []));
  }
  return found;
}
