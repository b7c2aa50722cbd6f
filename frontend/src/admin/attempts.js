/** The table of a reply's attempts for staff: requests, results and costs. */
import { fill } from "../lib/chunks.js";
import { el } from "../lib/dom.js";
import { dateLanguage, list, t, tn } from "../lib/translate.js";
import { namedFacts, seconds } from "../views/format.js";
import { problemText } from "../views/reply-problems.js";

/**
 * @typedef {object} Try a request that failed
 * @property {string} at ISO 8601
 * @property {string} code
 * @property {number|null} status of HTTP
 * @property {string} [detail]
 * @property {number|null} wait seconds until the next one; null where there was none
 *
 * @typedef {object} Asked the request of an attempt
 * @property {number} number
 * @property {string} started ISO 8601
 * @property {string|null} ended
 * @property {string} status an end, or why it was given up; "" while it runs
 * @property {string} [endpoint]
 * @property {string} [model]
 * @property {string} [answered_by]
 * @property {Try[]} [tries]
 * @property {import("../protocol.js").Settings} [settings]
 *
 * @typedef {Asked & Partial<import("../state/reply.js").Ending> &
 *   {error?: {detail?: string}|null}} Attempt
 */

/** Errors before there is anything to ask. */
const UNASKED = new Set(["no_model", "unreadable_key"]);

/**
 * Number of requests of an attempt: those that failed, and the last one.
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
  return list([
    tn("{n} attempt", "{n} attempts", attempts.length),
    tn("{n} request", "{n} requests", requests),
  ]);
}

/**
 * Known facts of an attempt, as names and values.
 * @param {Attempt} attempt
 * @returns {[string, string][]}
 */
export function factsOfAttempt(attempt) {
  const { settings = {} } = attempt;
  /** @type {[string, string|null|undefined|false][]} */
  const facts = [
    [t("Started"), moment(attempt.started)],
    [t("Endpoint"), attempt.endpoint],
    [t("Requested model"), attempt.model],
    [t("Answering model"), attempt.answered_by],
    ...namedFacts(attempt),
    ...Object.entries(settings)
      .filter(([name]) => name !== "system")
      .map(([name, value]) => /** @type {[string, string]} */ ([name, plain(value)])),
  ];
  return /** @type {[string, string][]} */ (facts.filter(([, value]) => value));
}

/** @param {any} value */
const plain = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/**
 * A time as every page of the server writes it, with its seconds.
 * @param {string} time ISO 8601
 */
export function moment(time) {
  const at = new Date(time);
  const day = at.toLocaleDateString(dateLanguage(), { dateStyle: "long", timeZone: "UTC" });
  return t("{day}, {time} UTC", { day, time: at.toISOString().slice(11, 19) });
}

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
    el(
      "h3",
      {},
      t("Attempt {n}", { n: attempt.number }),
      " ",
      el("span", { class: `state ${state}` }, stateText(state)),
    ),
    el(
      "dl",
      {},
      ...factsOfAttempt(attempt).map(([name, value]) =>
        el("div", {}, el("dt", {}, name), el("dd", {}, value)),
      ),
    ),
  );
  if (settings?.system) {
    section.append(el("h4", {}, t("System prompt")), detail(String(settings.system)));
  }
  if (error) {
    section.append(
      el("p", { class: "problem" }, `${problemText(error)} `, el("code", {}, error.code)),
      // The last request has it, where it was the last.
      error.detail && error.detail !== tries.at(-1)?.detail ? detail(error.detail) : "",
    );
  }
  if (tries.length) {
    section.append(
      el("h4", {}, t("Failed requests")),
      el("ol", { class: "tries" }, ...tries.map(tryElement)),
    );
  }
  return section;
}

/** @param {Try} failed */
function tryElement({ at, code, status, detail: text, wait }) {
  const next =
    wait == null ? t("not retried") : t("retried after {time}", { time: seconds(wait * 1000) });
  const facts = [...(status ? [t("status {status}", { status: String(status) })] : []), next];
  return el(
    "li",
    {},
    el("time", { datetime: at }, moment(at)),
    " ",
    el("code", {}, code),
    ` ${list(facts)}`,
    text ? detail(text) : "",
  );
}

/**
 * A state of a reply or of an attempt; an unknown one as it is.
 * @param {string} state
 */
export function stateText(state) {
  switch (state) {
    case "queued":
      return t("queued");
    case "running":
      return t("running");
    case "complete":
      return t("complete");
    case "stopped":
      return t("stopped");
    case "failed":
      return t("failed");
    case "interrupted":
      return t("interrupted");
    default:
      return state;
  }
}

/** @param {string} text */
export function detail(text) {
  const element = el("pre", { class: "detail", dir: "auto", tabindex: 0 });
  fill(element, text);
  return element;
}
