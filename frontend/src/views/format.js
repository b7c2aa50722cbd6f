/** Sentences and numbers of the page, in its language. Pure. */
import { list, number, sentences, t, tn } from "../lib/translate.js";
import { UNTITLED } from "../state/titles.js";
import { problemText } from "./reply-problems.js";

/** @typedef {import("../state/reply.js").Reply} Reply */

/**
 * The sentences of `chat/database/faults.py`, by their reason.
 * @param {string|null|undefined} reason
 */
function storageText(reason) {
  switch (reason) {
    case "storage_full":
      return t(
        "The disk of the server's database is full. Nothing can be saved until there is space.",
      );
    case "storage_read_only":
      return t("The server's database is read-only. Nothing can be saved until this is fixed.");
    case "storage_fault":
      return t(
        "The disk of the server's database has a fault. Nothing can be saved until it is repaired.",
      );
    default:
      return "";
  }
}

/**
 * The reason that a reply is not growing yet, or the cause of its start; "" without either.
 * @param {Reply} reply
 * @param {number} now milliseconds
 * @returns {string}
 */
export function statusText(reply, now) {
  if (reply.end) return "";
  const storage = storageText(reply.reason);
  if (storage) return storage;
  if (reply.status === "queued") return queuedText(reply, now);
  switch (reply.reason) {
    case "restart":
      return t("The server restarted. This reply continues.");
    case "takeover":
      return t("Another server process took over. This reply continues.");
    case "retry":
      if (reply.length || reply.reasoningLength) return "";
      return reply.retryAt ? retryText(reply.retryAt, now) : t("Trying again…");
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
  const when = left > 0 ? t("Trying again in {n} s.", { n: left }) : t("Trying again…");
  return sentences(t("The model did not answer."), when);
}

/**
 * @param {Reply} reply
 * @param {number} now
 */
function queuedText(reply, now) {
  const { place: at = 0 } = reply;
  const place = at && at > 1 ? t("Place {n} in the queue.", { n: at }) : "";
  switch (reply.reason) {
    case "behind":
      return sentences(t("Waiting for the reply above."), place);
    case "user_limit":
      return sentences(t("Waiting for another of your replies to end."), place);
    case "restart":
      return t("The server restarted. This reply continues in a moment.");
    case "takeover":
      return t("A server process stopped. Another one continues this reply in a moment.");
    case "retry":
      return retryText(reply.retryAt ?? "", now);
    default:
      return place ? sentences(t("Waiting."), place) : "";
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
      return { text: problemText(error) || t("The reply failed."), tone: "danger" };
    case "interrupted":
      return {
        text: sentences(
          t("Interrupted."),
          error ? problemText(error) : t("The reply is incomplete."),
        ),
        tone: "danger",
      };
    case "stopped":
      return {
        text: reply.length ? t("Stopped.") : t("Stopped before the first word."),
        tone: "quiet",
      };
    default:
      if (finish === "length") {
        const text = reply.length
          ? t("Cut off: the reply reached its maximum length.")
          : t("Cut off before the first word: the reply reached its maximum length.");
        return { text, tone: "quiet" };
      }
      if (finish === "content_filter") {
        return { text: t("Cut off by the model server's content filter."), tone: "quiet" };
      }
      if (!reply.length) return { text: t("The model gave an empty answer."), tone: "quiet" };
      // A reason that nobody knows may mean that something is missing.
      if (finish && finish !== "stop") {
        const text = t("The model server ended the reply: {reason}.", { reason: finish });
        return { text, tone: "quiet" };
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
  if (tokens > 0) facts.push(about + tn("{n} token", "{n} tokens", tokens));
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
    [t("Finish reason"), finish_reason],
    [t("Tokens"), tokenCounts(usage)],
    [t("Cost"), cost != null && dollars(cost, usage?.estimated ? "≈ " : "")],
    [
      t("First token"),
      timing?.first_token_ms != null && t("after {time}", { time: seconds(timing.first_token_ms) }),
    ],
    [t("Thinking"), timing?.reasoning_ms != null && seconds(timing.reasoning_ms)],
    [t("Duration"), timing?.total_ms != null && seconds(timing.total_ms)],
    [t("Speed"), speed(usage, timing)],
    [t("Left out"), left_out ? tn("{n} earlier message", "{n} earlier messages", left_out) : ""],
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
  const shown = rate < 10 ? decimal(rate) : number(Math.round(rate));
  return (usage?.estimated ? "≈ " : "") + t("{rate} tokens/s", { rate: shown });
}

/**
 * The counted tokens of each kind; "" if none were counted.
 * @param {import("../protocol.js").UsageObject|null|undefined} usage
 * @returns {string}
 */
export function tokensText(usage) {
  const counts = tokenCounts(usage);
  return counts && t("Tokens: {counts}", { counts });
}

/** @param {import("../protocol.js").UsageObject|null|undefined} usage */
function tokenCounts(usage) {
  const { prompt_tokens: prompt, completion_tokens: completion } = usage ?? {};
  const about = usage?.estimated ? "≈ " : "";
  const parts = [];
  if (prompt != null) parts.push(about + promptText(prompt, usage?.cached_tokens));
  if (completion != null) parts.push(about + answerText(completion, usage?.reasoning_tokens));
  return list(parts);
}

/**
 * @param {number} all
 * @param {number|null|undefined} cached
 */
function promptText(all, cached) {
  if (!cached) return t("{n} in the prompt", { n: all });
  return t("{n} in the prompt ({cached} cached)", { n: all, cached });
}

/**
 * @param {number} all
 * @param {number|null|undefined} reasoning
 */
function answerText(all, reasoning) {
  if (!reasoning) return t("{n} in the answer", { n: all });
  return t("{n} in the answer ({reasoning} reasoning)", { n: all, reasoning });
}

/**
 * The heading of the folded reasoning.
 * @param {number|null} ms null where that is not known
 */
export function thoughtText(ms) {
  if (ms === null) return t("Thought");
  return ms < 500 ? t("Thought for a moment") : t("Thought for {time}", { time: seconds(ms) });
}

/**
 * The heading of thoughts that go on.
 * @param {number|null} ms null where their beginning was not seen
 */
export function thinkingText(ms) {
  if (ms === null || ms < 1000) return t("Thinking…");
  return t("Thinking · {time}", { time: seconds(Math.floor(ms / 1000) * 1000, 0) });
}

/**
 * US dollars, as exactly as is of interest.
 * @param {number} value
 * @param {string} [about] before what is estimated
 * @returns {string}
 */
export function dollars(value, about = "") {
  if (value > 0 && value < 0.0001) return `< ${dollars(0.0001)}`;
  const digits = value >= 1 || value === 0 ? 2 : 4;
  return (
    about +
    number(value, {
      style: "currency",
      currency: "USD",
      currencyDisplay: "narrowSymbol",
      minimumFractionDigits: 2,
      maximumFractionDigits: digits,
    })
  );
}

/**
 * The line over a reply that was not given the whole conversation.
 * @param {number} count of messages
 */
export function leftOutText(count) {
  return tn(
    "{n} earlier message did not fit into the model's context and was left out.",
    "{n} earlier messages did not fit into the model's context and were left out.",
    count,
  );
}

/** @param {number} value with one digit after the point */
const decimal = (value) => number(value, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/**
 * @param {number} ms
 * @param {number} [digits] of a short time after the point
 */
export function seconds(ms, digits = 1) {
  if (digits === 0 && ms < 10_000) return t("{n} s", { n: Math.round(ms / 1000) });
  if (ms < 50) return t("< {n} s", { n: decimal(0.1) });
  if (ms < 10_000) return t("{n} s", { n: decimal(ms / 1000) });
  if (ms < 60_000) return t("{n} s", { n: Math.round(ms / 1000) });
  const rest = Math.round((ms % 60_000) / 1000);
  return t("{minutes} min {seconds} s", { minutes: Math.floor(ms / 60_000), seconds: rest });
}

/**
 * A title as it is shown: one that the server gave for want of words is translated.
 * @param {string|null|undefined} title
 */
export const shownTitle = (title) => (title && title !== UNTITLED ? title : t("New chat"));
