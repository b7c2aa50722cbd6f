/** Meaning of entries in fields of the settings. Pure. */

import { count } from "../lib/codepoints.js";
import { number, t } from "../lib/translate.js";

/** @typedef {import("./settings.js").Name} Name */

const LONGEST_SYSTEM = 32_000;
const MOST_TOKENS = 1_000_000;
const EFFORTS = new Set(["none", "minimal", "low", "medium", "high", "xhigh"]);

/** @type {Record<Name, (raw: string) => {value: any}|{problem: string}>} */
const READERS = {
  system: (raw) => {
    const over = count(raw) - LONGEST_SYSTEM;
    if (over <= 0) return { value: raw };
    return {
      problem: t("At most {most} characters: {over} too many.", { most: LONGEST_SYSTEM, over }),
    };
  },
  temperature: (raw) => readNumber(raw, 2),
  top_p: (raw) => readNumber(raw, 1),
  max_tokens: (raw) => {
    const value = /^\d{1,9}$/.test(raw) ? Number(raw) : 0;
    if (value >= 1 && value <= MOST_TOKENS) return { value };
    return { problem: t("Enter a whole number from 1 to {most}.", { most: MOST_TOKENS }) };
  },
  reasoning_effort: (raw) =>
    EFFORTS.has(raw) ? { value: raw } : { problem: t("Choose one of the options.") },
};

/**
 * @param {string} raw
 * @param {number} most
 */
function readNumber(raw, most) {
  // Half of the world writes 0,7.
  const value = /^(\d+[.,]?\d*|[.,]\d+)$/.test(raw) ? Number(raw.replace(",", ".")) : -1;
  return value >= 0 && value <= most
    ? { value }
    : { problem: t("Enter a number from 0 to {most}.", { most }) };
}

/**
 * The entry: its value, null if it is empty, or its fault.
 * @param {Name} name
 * @param {string} raw
 * @returns {{value: any, problem: null}|{value: null, problem: string}}
 */
export function read(name, raw) {
  const entered = raw.trim();
  if (entered === "") return { value: null, problem: null };
  const found = READERS[name](entered);
  if ("problem" in found) return { value: null, problem: found.problem };
  return { value: found.value, problem: null };
}

/**
 * The text of a setting in its field.
 * @param {any} value
 * @returns {string}
 */
export function written(value) {
  if (typeof value !== "number") return value ?? "";
  return number(value, { useGrouping: false, maximumFractionDigits: 20 });
}
