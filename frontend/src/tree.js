/** The tree of a conversation's messages. Pure. */

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
  let at = (leaf && messages.get(leaf)) || newest(messages);
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
    if (!last || message.created >= last.created) last = message;
  }
  return last;
}

/**
 * The ids of the messages that something hangs on.
 * @param {import("./records.js").Messages} messages
 * @returns {Set<string>}
 */
export function parents(messages) {
  /** @type {Set<string>} */
  const ids = new Set();
  for (const { parent } of messages.values()) if (parent) ids.add(parent);
  return ids;
}
