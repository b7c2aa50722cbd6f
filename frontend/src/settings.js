/**
 * What may be set for a conversation, and what an entry in a field means. Pure.
 *
 * Settings hold only what is set: `{}` leaves everything to the model. Edits are changes to them
 * that the server does not have yet, with null for what is to be unset.
 */
import { count } from "./codepoints.js";

/**
 * @typedef {Record<string, any>} Settings
 * @typedef {Record<string, any>} Edits
 * @typedef {"system"|"temperature"|"top_p"|"max_tokens"|"reasoning_effort"} Name
 */

const LONGEST_SYSTEM = 32_000;
const EFFORTS = new Set(["none", "minimal", "low", "medium", "high", "xhigh"]);

/** @type {Record<Name, (raw: string) => {value: any}|{problem: string}>} */
const READERS = {
  system: (raw) => {
    const over = count(raw) - LONGEST_SYSTEM;
    if (over <= 0) return { value: raw };
    return { problem: `At most 32,000 characters: ${over.toLocaleString("en")} too many.` };
  },
  temperature: (raw) => readNumber(raw, 2),
  top_p: (raw) => readNumber(raw, 1),
  max_tokens: (raw) => {
    const value = /^\d{1,9}$/.test(raw) ? Number(raw) : 0;
    if (value >= 1 && value <= 1_000_000) return { value };
    return { problem: "A whole number from 1 to 1,000,000." };
  },
  reasoning_effort: (raw) =>
    EFFORTS.has(raw) ? { value: raw } : { problem: "This is none of the choices." },
};

export const NAMES = /** @type {Name[]} */ (Object.keys(READERS));

/**
 * @param {string} raw
 * @param {number} most
 */
function readNumber(raw, most) {
  // Half of the world writes 0,7.
  const value = /^(\d+[.,]?\d*|[.,]\d+)$/.test(raw) ? Number(raw.replace(",", ".")) : -1;
  return value >= 0 && value <= most ? { value } : { problem: `A number from 0 to ${most}.` };
}

/**
 * What was entered: its value, null where it is empty, or what is wrong with it.
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
 * How a setting stands in its field.
 * @param {any} value
 */
export const written = (value) => (value === null || value === undefined ? "" : String(value));

/**
 * Settings with the edits made. What this page does not know of stays as it is.
 * @param {Settings|null|undefined} settings
 * @param {Edits} edits
 * @returns {Settings}
 */
export function merge(settings, edits) {
  const all = Object.entries({ ...settings, ...edits });
  return Object.fromEntries(all.filter(([, value]) => value !== null && value !== undefined));
}

/**
 * The edits that are left once `saved` have been saved: those made meanwhile.
 * @param {Edits} edits
 * @param {Edits} saved
 * @returns {Edits}
 */
export function without(edits, saved) {
  return Object.fromEntries(
    Object.entries(edits).filter(([name, value]) => !(name in saved) || saved[name] !== value),
  );
}

/**
 * The edits that unset everything.
 * @param {Settings} settings
 * @returns {Edits}
 */
export const clearing = (settings) =>
  Object.fromEntries(Object.keys(settings).map((name) => [name, null]));

/** @param {object} some */
export const isEmpty = (some) => Object.keys(some).length === 0;
