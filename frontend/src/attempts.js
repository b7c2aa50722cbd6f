/** All attempts of a reply as staff see them in the transcript: whom they asked, and what came. */
import { el } from "./dom.js";
import { dollars, number, seconds, speed, tokensText } from "./format.js";

/**
 * @typedef {object} Try a request that failed
 * @property {string} at ISO 8601
 * @property {string} code
 * @property {number|null} status of HTTP
 * @property {string} [detail]
 * @property {number|null} wait seconds until the next one; null where there was none
 *
 * @typedef {object} Attempt
 * @property {number} number
 * @property {string} started ISO 8601
 * @property {string|null} ended
 * @property {string} status an end, or why it was given up; "" while it runs
 * @property {string} [endpoint]
 * @property {string} [model] what was asked
 * @property {string} [answered_by]
 * @property {Try[]} [tries]
 * @property {string|null} [finish_reason]
 * @property {import("./reply.js").Problem|null} [error]
 * @property {Record<string, any>|null} [usage]
 * @property {number|null} [cost]
 * @property {import("./reply.js").Timing|null} [timing]
 * @property {number} [left_out]
 * @property {Record<string, any>} [settings]
 */

/** Errors before there is anything to ask. */
const UNASKED = new Set(["no_model", "unreadable_key"]);

/**
 * How many requests an attempt made: those that failed, and the one that gave its end.
 * @param {Attempt} attempt
 * @param {number} now milliseconds
 */
export function requestsOf({ tries = [], error, ended }, now) {
  const last = tries.at(-1);
  if (error && (UNASKED.has(error.code) || error.code === last?.code)) return tries.length;
  const until = last ? Date.parse(last.at) + (last.wait ?? 0) * 1000 : 0;
  const isWaiting = (ended ? Date.parse(ended) : now) < until;
  return tries.length + (isWaiting ? 0 : 1);
}

/**
 * @param {Attempt[]} attempts
 * @param {number} now milliseconds
 */
export function summaryOf(attempts, now) {
  const requests = attempts.reduce((sum, attempt) => sum + requestsOf(attempt, now), 0);
  return `${counted(attempts.length, "attempt")}, ${counted(requests, "request")}`;
}

/**
 * What is known of an attempt, as names and values.
 * @param {Attempt} attempt
 * @returns {[string, string][]}
 */
export function factsOfAttempt(attempt) {
  const { usage, timing, cost, settings = {} } = attempt;
  const rate = speed(usage, timing);
  /** @type {[string, string|null|undefined|false][]} */
  const facts = [
    ["Begun", moment(attempt.started)],
    ["Endpoint", attempt.endpoint],
    ["Model asked", attempt.model],
    ["Model that answered", attempt.answered_by],
    ["Finish reason", attempt.finish_reason],
    ["Tokens", tokensText(usage).replace("Tokens: ", "")],
    ["Cost", cost != null && dollars(cost, usage?.estimated ? "≈ " : "")],
    ["First token", timing?.first_token_ms != null && `after ${seconds(timing.first_token_ms)}`],
    ["Thinking", timing?.reasoning_ms != null && seconds(timing.reasoning_ms)],
    ["Duration", timing?.total_ms != null && seconds(timing.total_ms)],
    ["Speed", rate],
    ["Left out", attempt.left_out ? counted(attempt.left_out, "earlier message") : ""],
    ...Object.entries(settings)
      .filter(([name]) => name !== "system")
      .map(([name, value]) => /** @type {[string, string]} */ ([name, plain(value)])),
  ];
  return /** @type {[string, string][]} */ (facts.filter(([, value]) => value));
}

/** @param {any} value */
const plain = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/**
 * @param {number} count
 * @param {string} noun
 */
const counted = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;

/** @param {string} time ISO 8601 */
export const moment = (time) =>
  new Date(time).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });

/**
 * @param {Attempt[]} attempts
 * @returns {HTMLElement}
 */
export function attemptsElement(attempts) {
  return el(
    "details",
    { class: "attempts" },
    el("summary", {}, summaryOf(attempts, Date.now())),
    ...attempts.map(attemptElement),
  );
}

/** @param {Attempt} attempt */
function attemptElement(attempt) {
  const { error, tries = [], settings, status } = attempt;
  const state = status || "running";
  const section = el(
    "section",
    { class: "attempt" },
    el("h3", {}, `Attempt ${attempt.number} `, el("span", { class: `state ${state}` }, state)),
    el(
      "dl",
      {},
      ...factsOfAttempt(attempt).map(([name, value]) =>
        el("div", {}, el("dt", {}, name), el("dd", {}, value)),
      ),
    ),
  );
  if (settings?.system) {
    section.append(el("h4", {}, "System prompt"), detail(String(settings.system)));
  }
  if (error) {
    section.append(
      el("p", { class: "problem" }, `${error.message} `, el("code", {}, error.code)),
      // The last request has it, where it was the last.
      error.detail && error.detail !== tries.at(-1)?.detail ? detail(error.detail) : "",
    );
  }
  if (tries.length) {
    section.append(
      el("h4", {}, "Requests that failed"),
      el("ol", { class: "tries" }, ...tries.map(tryElement)),
    );
  }
  return section;
}

/** @param {Try} failed */
function tryElement({ at, code, status, detail: text, wait }) {
  const next = wait == null ? "not tried again" : `tried again after ${seconds(wait * 1000)}`;
  return el(
    "li",
    {},
    el("time", { datetime: at }, moment(at)),
    " ",
    el("code", {}, code),
    status ? ` status ${status}` : "",
    `, ${next}`,
    text ? detail(text) : "",
  );
}

/** @param {string} text */
export const detail = (text) => el("pre", { class: "detail", dir: "auto", tabindex: 0 }, text);
