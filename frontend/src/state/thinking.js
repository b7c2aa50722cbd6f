/**
 * Duration of a reply's thoughts, as far as this page saw it: from its first thought to its first
 * word. The end frame has the server's own measure. Pure.
 */
import { hasEnded } from "./reply.js";

/**
 * @typedef {import("./reply.js").Reply} Reply
 * @typedef {{since: number|null, ms: number|null}} Thinking `since`: the page saw it begin then
 */

/** @type {Thinking} */
export const UNSEEN = { since: null, ms: null };

/** @param {Reply} reply */
export const isThinking = (reply) =>
  reply.end === null && !hasEnded(reply.status) && reply.reasoningLength > 0 && reply.length === 0;

/**
 * @param {Thinking} thinking
 * @param {Reply|null} before
 * @param {Reply} reply
 * @param {number} now milliseconds
 * @returns {Thinking}
 */
export function watch(thinking, before, reply, now) {
  const isSame = before !== null && before.attempt === reply.attempt;
  if (!isSame || reply.reasoningLength === 0) return UNSEEN;
  if (isThinking(reply)) {
    return before.reasoningLength === 0 ? { since: now, ms: null } : thinking;
  }
  if (thinking.since === null || thinking.ms !== null) return thinking;
  return { ...thinking, ms: now - thinking.since };
}
