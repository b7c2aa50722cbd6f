/** Days and times in words, by the calendar of the browser. Pure. */
import { dateLanguage, t } from "../lib/translate.js";

/**
 * The start of a day of the calendar, which may have 23 hours, or 25.
 * @param {Date} now
 * @param {number} ago days
 */
const midnight = (now, ago) =>
  new Date(now.getFullYear(), now.getMonth(), now.getDate() - ago).getTime();

/**
 * The heading under which a conversation stands in the list: a day, some days, a month, a year.
 * @param {string} time ISO 8601
 * @param {Date} now
 * @returns {string}
 */
export function dayGroup(time, now) {
  const at = Date.parse(time);
  if (!(at < midnight(now, 0))) return t("Today");
  if (at >= midnight(now, 1)) return t("Yesterday");
  if (at >= midnight(now, 6)) return t("Last 7 days");
  if (at >= midnight(now, 29)) return t("Last 30 days");
  const day = new Date(at);
  const isThisYear = day.getFullYear() === now.getFullYear();
  return day.toLocaleDateString(
    dateLanguage(),
    isThisYear ? { month: "long" } : { year: "numeric" },
  );
}

/**
 * A time of today, or a day with its time.
 * @param {string} time ISO 8601
 * @param {Date} now
 */
export function shortTime(time, now) {
  const at = new Date(time);
  const clock = at.toLocaleTimeString(dateLanguage(), { hour: "2-digit", minute: "2-digit" });
  if (at.getTime() >= midnight(now, 0)) return clock;
  const isThisYear = at.getFullYear() === now.getFullYear();
  /** @type {Intl.DateTimeFormatOptions} */
  const day = { day: "numeric", month: "short", ...(!isThisYear && { year: "numeric" }) };
  return at.toLocaleString(dateLanguage(), { ...day, hour: "2-digit", minute: "2-digit" });
}

/** @param {string} time ISO 8601 */
export const fullTime = (time) =>
  new Date(time).toLocaleString(dateLanguage(), { dateStyle: "full", timeStyle: "short" });
