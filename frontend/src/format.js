/** Sentences and numbers the page shows. Pure. */

/** @typedef {import("./reply.js").Reply} Reply */

/**
 * Why a reply is not growing yet, or how it came to grow; "" where there is nothing to say.
 * @param {Reply} reply
 * @param {number} now milliseconds
 * @returns {string}
 */
export function statusText(reply, now) {
  if (reply.end) return "";
  if (reply.status === "queued") return queuedText(reply, now);
  switch (reply.reason) {
    case "restart":
      return "The server was restarted: this reply goes on.";
    case "takeover":
      return "Another process took over: this reply goes on.";
    case "fallback":
      return `The chosen model did not answer: ${reply.model ?? "another one"} does.`;
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
      return `Waits behind the reply above.${place}`;
    case "user_limit":
      return `Waits until another of your replies has ended.${place}`;
    case "restart":
      return "The server was restarted: this reply goes on in a moment.";
    case "takeover":
      return "Its process stopped: another one goes on with this reply in a moment.";
    case "fallback":
      return "The chosen model did not answer: another one is asked.";
    case "retry":
      return retryText(reply.retryAt ?? "", now);
    default:
      return place ? `Waits.${place}` : "";
  }
}

/**
 * How an ended reply ended, where that is worth a word.
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
      return { text: `Interrupted. ${error?.message ?? "It was cut off."}`.trim(), tone: "danger" };
    case "stopped":
      return { text: reply.length ? "Stopped." : "Stopped before it began.", tone: "quiet" };
    default:
      if (finish === "length") {
        const when = reply.length ? "" : " before the first word";
        return { text: `Cut off${when}: the answer reached its longest length.`, tone: "quiet" };
      }
      if (finish === "content_filter") {
        return { text: "Cut off by the model server's content filter.", tone: "quiet" };
      }
      return reply.length ? null : { text: "The model answered with nothing.", tone: "quiet" };
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
  const tokens = usage?.completion_tokens;
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
 * How fast the tokens came, once they came; "" where that is not known.
 * @param {Record<string, any>|null|undefined} usage
 * @param {import("./reply.js").Timing|null|undefined} timing
 */
export function speed(usage, timing) {
  const tokens = usage?.completion_tokens;
  const growing = (timing?.total_ms ?? 0) - (timing?.first_token_ms ?? 0);
  if (!(tokens > 1) || timing?.first_token_ms == null || growing <= 0) return "";
  const rate = (tokens * 1000) / growing;
  const shown = rate < 10 ? rate.toFixed(1) : number(Math.round(rate));
  return `${usage?.estimated ? "≈ " : ""}${shown} tokens/s`;
}

/**
 * Each kind of token that was counted; "" where none was.
 * @param {Record<string, any>|null|undefined} usage
 * @returns {string}
 */
export function tokensText(usage) {
  const about = usage?.estimated ? "≈ " : "";
  /** @param {string} kind @param {string} within @param {string} words */
  const part = (kind, within, words) => {
    const all = usage?.[`${kind}_tokens`];
    if (all == null) return "";
    const some = usage?.[`${within}_tokens`];
    return `${about}${number(all)} ${words}${some ? ` (${number(some)} ${within})` : ""}`;
  };
  const parts = [part("prompt", "cached", "in the prompt")];
  parts.push(part("completion", "reasoning", "in the answer"));
  const told = parts.filter(Boolean).join(", ");
  return told && `Tokens: ${told}`;
}

/**
 * Over the folded reasoning of a reply.
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
 * Over the text of a reply that was not given all of the conversation.
 * @param {number} count of messages
 */
export function leftOutText(count) {
  const which = count === 1 ? "1 earlier message" : `${number(count)} earlier messages`;
  const were = count === 1 ? "was" : "were";
  return `${which} did not fit into the model's context and ${were} left out.`;
}

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
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  const at = Date.parse(time);
  const day = 24 * 3600 * 1000;
  if (!(at < midnight)) return "Today";
  if (at >= midnight - day) return "Yesterday";
  return at >= midnight - 6 * day ? "Last seven days" : "Earlier";
}

/**
 * The first words of a text, for a title.
 * @param {string} text
 */
export function firstWords(text) {
  const line = text.trim().split("\n", 1)[0] ?? "";
  return line.length > 60 ? `${line.slice(0, 59).trimEnd()}…` : line;
}
