/** Headings of messages, by which a screen reader jumps from one to the next. */

import { el } from "../lib/dom.js";

/**
 * A heading without text of its own, so that none is selected or copied with the message.
 * @param {string} label
 */
export const messageHeading = (label) =>
  el("h2", { class: "visually-hidden", "aria-label": label });
