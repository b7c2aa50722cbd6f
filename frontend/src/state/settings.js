/**
 * Settings of a conversation. Pure; `setting-fields.js` reads the entries in its fields.
 *
 * Settings hold only what is set: `{}` leaves everything to the model. Edits are changes to them
 * that the server does not have yet, with null for what is to be unset.
 *
 * @typedef {Record<string, any>} Settings
 * @typedef {Record<string, any>} Edits
 * @typedef {"system"|"temperature"|"top_p"|"max_tokens"|"reasoning_effort"} Name
 */

/** @type {Name[]} */
export const NAMES = ["system", "temperature", "top_p", "max_tokens", "reasoning_effort"];

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
