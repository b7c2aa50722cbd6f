/** Sentences and numbers of the page. Pure. */

/** @typedef {import("../state/reply.js").Reply} Reply */

/** The sentences of `chat/database/faults.py`, by their reason. @type {Record<string, string>} */
const STORAGE = {
  storage_full:
    "The disk of the server's database is full. Nothing can be saved until there is space.",
  storage_read_only:
    "The server's database is read-only. Nothing can be saved until this is fixed.",
  storage_fault:
    "The disk of the server's database has a fault. Nothing can be saved until it is repaired.",
};

/**
 * The reason that a reply is not growing yet, or the cause of its start; "" without either.
 * @param {Reply} reply
 * @param {number} now milliseconds
 * @returns {string}
 */
export function statusText(reply, now) {
  if (reply.end) return "";
  const storage = STORAGE[reply.reason ?? ""];
  if (storage) return storage;
  if (reply.status === "queued") return queuedText(reply, now);
  switch (reply.reason) {
    case "restart":
      return "The server restarted. This reply continues.";
    case "takeover":
      return "Another server process took over. This reply continues.";
    case "retry":
      if (reply.length || reply.reasoningLength) return "";
      return reply.retryAt ? retryText(reply.retryAt, now) : "Trying again…";
    default:
      return "";
  }
}

/**
 * @param {string} retryAt ISO 8601
 * @param {number} now
 */
function retryText(retryAt, now) {
  const left = Math.ceil((Date.parse(retryAt) - now) / 1000);
  return `The model did not answer. ${left > 0 ? `Trying again in ${left} s.` : "Trying again…"}`;
}

/**
 * @param {Reply} reply
 * @param {number} now
 */
function queuedText(reply, now) {
  const place = reply.place && reply.place > 1 ? ` Place ${reply.place} in the queue.` : "";
  switch (reply.reason) {
    case "behind":
      return `Waiting for the reply above.${place}`;
    case "user_limit":
      return `Waiting for another of your replies to end.${place}`;
    case "restart":
      return "The server restarted. This reply continues in a moment.";
    case "takeover":
      return "A server process stopped. Another one continues this reply in a moment.";
    case "retry":
      return retryText(reply.retryAt ?? "", now);
    default:
      return place ? `Waiting.${place}` : "";
  }
}

/**
 * The end of a reply in words, or "" for a plain one.
 * @param {Reply} reply
 * @returns {{text: string, tone: "quiet"|"danger"}|null}
 */
export function endText(reply) {
  if (!reply.end) return null;
  const { error, finish_reason: finish } = reply.end;
  switch (reply.status) {
    case "failed":
      return { text: error?.message || "The reply failed.", tone: "danger" };
    case "interrupted":
      return {
        text: `Interrupted. ${error?.message ?? "The reply is incomplete."}`.trim(),
        tone: "danger",
      };
    case "stopped":
      return { text: reply.length ? "Stopped." : "Stopped before the first word.", tone: "quiet" };
    default:
      if (finish === "length") {
        const when = reply.length ? "" : " before the first word";
        return { text: `Cut off${when}: the reply reached its maximum length.`, tone: "quiet" };
      }
      if (finish === "content_filter") {
        return { text: "Cut off by the model server's content filter.", tone: "quiet" };
      }
      if (!reply.length) return { text: "The model gave an empty answer.", tone: "quiet" };
      // A reason that nobody knows may mean that something is missing.
      if (finish && finish !== "stop") {
        return { text: `The model server ended the reply: ${finish}.`, tone: "quiet" };
      }
      return null;
  }
}

/**
 * The parts of the quiet line under an ended reply.
 * @param {Reply} reply
 * @param {string} model its label
 * @returns {string[]}
 */
export function factsOf(reply, model) {
  const facts = model ? [model] : [];
  if (!reply.end) return facts;
  const { usage, timing, cost } = reply.end;
  const tokens = usage?.completion_tokens ?? 0;
  const about = usage?.estimated ? "≈ " : "";
  if (tokens > 0) facts.push(`${about}${number(tokens)} ${tokens === 1 ? "token" : "tokens"}`);
  if (timing?.total_ms != null) facts.push(seconds(timing.total_ms));
  // Tokens are those of all attempts, times those of the last one.
  const rate = reply.attempt > 1 ? "" : speed(usage, timing);
  if (rate) facts.push(rate);
  if (cost != null) facts.push(dollars(cost, about));
  return facts;
}

/**
 * All facts of an end by name, for staff; an unknown one has no value.
 * @param {Partial<import("../state/reply.js").Ending>} end
 * @returns {[string, string|null|undefined|false][]}
 */
export function namedFacts({ finish_reason, usage, timing, cost, left_out }) {
  return [
    ["Finish reason", finish_reason],
    ["Tokens", tokensText(usage).replace("Tokens: ", "")],
    ["Cost", cost != null && dollars(cost, usage?.estimated ? "≈ " : "")],
    ["First token", timing?.first_token_ms != null && `after ${seconds(timing.first_token_ms)}`],
    ["Thinking", timing?.reasoning_ms != null && seconds(timing.reasoning_ms)],
    ["Duration", timing?.total_ms != null && seconds(timing.total_ms)],
    ["Speed", speed(usage, timing)],
    ["Left out", left_out ? counted(left_out, "earlier message") : ""],
  ];
}

/**
 * The rate of the tokens, once they came; "" if it is unknown.
 * @param {import("../protocol.js").UsageObject|null|undefined} usage
 * @param {import("../protocol.js").Timing|null|undefined} timing
 */
export function speed(usage, timing) {
  const tokens = usage?.completion_tokens ?? 0;
  const growing = (timing?.total_ms ?? 0) - (timing?.first_token_ms ?? 0);
  if (!(tokens > 1) || timing?.first_token_ms == null || growing <= 0) return "";
  const rate = (tokens * 1000) / growing;
  const shown = rate < 10 ? rate.toFixed(1) : number(Math.round(rate));
  return `${usage?.estimated ? "≈ " : ""}${shown} tokens/s`;
}

/**
 * The counted tokens of each kind; "" if none were counted.
 * @param {import("../protocol.js").UsageObject|null|undefined} usage
 * @returns {string}
 */
export function tokensText(usage) {
  const about = usage?.estimated ? "≈ " : "";
  /**
   * @param {"prompt"|"completion"} kind
   * @param {"cached"|"reasoning"} within
   * @param {string} words
   */
  const part = (kind, within, words) => {
    const all = usage?.[`${kind}_tokens`];
    if (all == null) return "";
    const some = usage?.[`${within}_tokens`];
    return `${about}${number(all)} ${words}${some ? ` (${number(some)} ${within})` : ""}`;
  };
  const parts = [part("prompt", "cached", "in the prompt")];
  parts.push(part("completion", "reasoning", "in the answer"));
  const counts = parts.filter(Boolean).join(", ");
  return counts && `Tokens: ${counts}`;
}

/**
 * The heading of the folded reasoning.
 * @param {number|null} ms null where that is not known
 */
export function thoughtText(ms) {
  if (ms === null) return "Thought";
  return ms < 500 ? "Thought for a moment" : `Thought for ${seconds(ms)}`;
}

/**
 * US dollars, as exactly as is of interest.
 * @param {number} value
 * @param {string} [about] before what is estimated
 */
export function dollars(value, about = "") {
  if (value > 0 && value < 0.0001) return "< $0.0001";
  const digits = value >= 1 || value === 0 ? 2 : 4;
  const shown = { minimumFractionDigits: 2, maximumFractionDigits: digits };
  return `${about}$${value.toLocaleString("en", shown)}`;
}

/**
 * The line over a reply that was not given the whole conversation.
 * @param {number} count of messages
 */
export function leftOutText(count) {
  const which = count === 1 ? "1 earlier message" : `${number(count)} earlier messages`;
  const were = count === 1 ? "was" : "were";
  return `${which} did not fit into the model's context and ${were} left out.`;
}

/**
 * @param {number} count
 * @param {string} noun
 */
export const counted = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;

/** @param {number} value */
export const number = (value) => value.toLocaleString("en");

/** @param {number} ms */
export function seconds(ms) {
  if (ms < 50) return "< 0.1 s";
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/**
 * The heading under which a conversation stands in the list.
 * @param {string} time ISO 8601
 * @param {Date} now
 */
export function dayGroup(time, now) {
  // Midnights of the calendar: a day may have 23 hours, or 25.
  const midnight = (/** @type {number} */ ago) =>
    new Date(now.getFullYear(), now.getMonth(), now.getDate() - ago).getTime();
  const at = Date.parse(time);
  if (!(at < midnight(0))) return "Today";
  if (at >= midnight(1)) return "Yesterday";
  return at >= midnight(6) ? "Last 7 days" : "Earlier";
}
