/**
 * A reply as this page knows it, and its change by each frame. Pure.
 *
 * Positions count code points and are taken from what the frames say. Only a snapshot changes the
 * attempt and the text so far; a delta is taken only where it stands.
 */
import { byteLength, count, drop } from "../lib/codepoints.js";

/**
 * @typedef {import("../protocol.js").ReplyObject["status"]} Status
 * @typedef {import("../protocol.js").StatusFrame | import("../protocol.js").SnapshotFrame |
 *   import("../protocol.js").DeltaFrame | import("../protocol.js").EndFrame} ReplyFrame
 *
 * @typedef {Omit<import("../protocol.js").EndFrame, "type"|"reply"|"attempt"|"status"|"model">}
 *   Ending facts of the end, as the frame or the message has them
 *
 * @typedef {object} Reply
 * @property {string} id
 * @property {number} attempt of the text; 0 before the first snapshot
 * @property {Status} status
 * @property {string|null} reason why it waits, or why this attempt began
 * @property {number|null} place in the queue
 * @property {string|null} retryAt
 * @property {string|null} model
 * @property {string} text
 * @property {string} reasoning
 * @property {number} length of the text in code points
 * @property {number} reasoningLength
 * @property {Ending|null} end
 * @property {boolean} gap something is missing: follow again from the position
 *
 * @typedef {{attempt: number, text: number, reasoning: number}} Position
 */

/** @type {ReadonlySet<string>} */
const ENDED = new Set(["complete", "stopped", "interrupted", "failed"]);

/** @param {string|null|undefined} status */
export const hasEnded = (status) => ENDED.has(status ?? "");

/**
 * A reply of which nothing is known yet.
 * @param {string} id
 * @returns {Reply}
 */
export function unknown(id) {
  return {
    id,
    attempt: 0,
    status: "queued",
    reason: null,
    place: null,
    retryAt: null,
    model: null,
    text: "",
    reasoning: "",
    length: 0,
    reasoningLength: 0,
    end: null,
    gap: false,
  };
}

/**
 * A reply from a message object; its text is there where the reply had ended when it was read.
 * @param {import("./records.js").Message} message
 * @returns {Reply}
 */
export function fromMessage(message) {
  const reply = {
    ...unknown(message.id),
    status: message.status ?? "queued",
    reason: message.reason ?? null,
    retryAt: message.retry_at ?? null,
    model: message.model ?? null,
  };
  if (!hasEnded(message.status) || message.text === undefined) return reply;
  const text = message.text ?? "";
  const reasoning = message.reasoning ?? "";
  return {
    ...reply,
    attempt: message.attempt ?? 0,
    text,
    reasoning,
    length: count(text),
    reasoningLength: count(reasoning),
    end: /** @type {Ending} */ (message),
  };
}

/**
 * The reply after a frame about it. The same object where the frame changes nothing.
 * @param {Reply} reply
 * @param {ReplyFrame} frame
 * @returns {Reply}
 */
export function apply(reply, frame) {
  // Left over from an attempt that has been replaced since.
  if (frame.attempt < reply.attempt && frame.type !== "snapshot") return reply;
  switch (frame.type) {
    case "status":
      return {
        ...reply,
        status: frame.status,
        reason: frame.reason ?? null,
        place: frame.position ?? null,
        retryAt: frame.retry_at ?? null,
        model: frame.model ?? reply.model,
        end: null,
      };
    case "snapshot":
      return {
        ...reply,
        attempt: frame.attempt,
        status: frame.status,
        text: frame.text,
        reasoning: frame.reasoning,
        length: count(frame.text),
        reasoningLength: count(frame.reasoning),
        end: null,
        gap: false,
      };
    case "delta":
      return applyDelta(reply, frame);
    case "end":
      return {
        ...reply,
        status: frame.status,
        reason: null,
        place: null,
        retryAt: null,
        model: frame.model ?? reply.model,
        end: frame,
        gap: false,
      };
    default:
      return reply;
  }
}

/**
 * @param {Reply} reply
 * @param {import("../protocol.js").DeltaFrame} frame
 * @returns {Reply}
 */
function applyDelta(reply, frame) {
  if (frame.attempt > reply.attempt) return reply.gap ? reply : { ...reply, gap: true };
  const known = frame.track === "reasoning" ? reply.reasoningLength : reply.length;
  if (frame.at > known) return reply.gap ? reply : { ...reply, gap: true };
  const added = known > frame.at ? drop(frame.text, known - frame.at) : frame.text;
  if (added === "") return reply;
  /** @type {Reply} */
  const next = { ...reply, status: hasEnded(reply.status) ? reply.status : "running" };
  if (frame.track === "reasoning") {
    next.reasoning += added;
    next.reasoningLength += count(added);
  } else {
    next.text += added;
    next.length += count(added);
  }
  return next;
}

/**
 * The position to follow this reply from, and the processed part of it.
 * @param {Reply} reply
 * @returns {Position}
 */
export function positionOf(reply) {
  return { attempt: reply.attempt, text: reply.length, reasoning: reply.reasoningLength };
}

/**
 * True if an ended reply is as long as its end said. The hash is checked apart: it takes time.
 * @param {Reply} reply
 */
export function hasAnnouncedLength(reply) {
  return (
    reply.end !== null &&
    reply.length === reply.end.length &&
    reply.reasoningLength === reply.end.reasoning_length
  );
}

/**
 * True if a reply is known as far as its message object says it has come.
 * @param {Reply} reply
 * @param {import("./records.js").Message} message
 */
export function agrees(reply, message) {
  const attempt = message.attempt ?? 0;
  if (reply.end === null) return false;
  return hasEnded(message.status) ? reply.attempt >= attempt : reply.attempt > attempt;
}

/**
 * The action for an ended reply without children: another run of it, or none.
 * @param {Status} status
 * @param {string|null|undefined} finishReason
 * @returns {"retry"|"continue"|null}
 */
export function offer(status, finishReason) {
  if (status === "failed") return "retry";
  if (status === "stopped" || status === "interrupted") return "continue";
  return status === "complete" && finishReason === "length" ? "continue" : null;
}

/**
 * True if a reply has reached the most it may hold, where no further character may fit.
 * @param {Reply} reply
 * @param {number} bytes
 */
export function isFull(reply, bytes) {
  const most = bytes - 4;
  const points = reply.length + reply.reasoningLength;
  if (points > most) return true;
  if (4 * points <= most) return false;
  return byteLength(reply.text) + byteLength(reply.reasoning) > most;
}
