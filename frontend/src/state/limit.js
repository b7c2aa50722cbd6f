/** The part of the allowed size that a message has. Pure. */

import { byteLength } from "../lib/codepoints.js";

/** From this part on it is shown. */
const NEAR = 0.9;
/** Bytes of the frame around a text. */
const FRAME = 1024;
/** Bytes that a code unit may take in a frame: a control character is escaped. */
const WIDEST = 6;

/**
 * The size of a text in its frame as a part of what a frame may have.
 * @param {string} text
 * @param {number} most bytes of a frame
 */
export const partOf = (text, most) => byteLength(JSON.stringify(text)) / (most - FRAME);

/**
 * The same where it is worth showing, else null. Only near the limit it is counted.
 * @param {string} text
 * @param {number} most bytes of a frame
 * @returns {number|null}
 */
export function partNear(text, most) {
  if (text.length * WIDEST < (most - FRAME) * NEAR) return null;
  const part = partOf(text, most);
  return part < NEAR ? null : part;
}
