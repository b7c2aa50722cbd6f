/** Texts without case and accents, to compare them by. */

/** Letters that fall apart into no base letter and mark. @type {Record<string, string>} */
const LETTERS = { ß: "ss", æ: "ae", ø: "o", œ: "oe", ł: "l", đ: "d", ı: "i" };

/** @param {string} text */
export const folded = (text) =>
  text
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase()
    .replace(/[ßæøœłđı]/g, (letter) => LETTERS[letter] ?? letter);
