/** The direction of a text, by its first letter that has one. */

const LETTER = /\p{L}/u;
const RIGHT_TO_LEFT =
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Samaritan}\p{Script=Mandaic}\p{Script=Adlam}\p{Script=Hanifi_Rohingya}\p{Script=Mende_Kikakui}]/u;

/** Length of the part of a text that decides its direction. */
const FAR = 2000;

/**
 * @param {string} text
 * @returns {"ltr"|"rtl"|"auto"} "auto" where it has no letter yet
 */
export function directionOf(text) {
  const letter = LETTER.exec(text.slice(0, FAR))?.[0];
  if (!letter) return "auto";
  return RIGHT_TO_LEFT.test(letter) ? "rtl" : "ltr";
}

/**
 * Gives a block the direction of its words. One without any goes as what is around it.
 * @template {HTMLElement} Element
 * @param {Element} element
 * @param {string} text
 */
export function directed(element, text) {
  const words = text.slice(0, FAR).replace(/`[^`]*`|https?:\S+|<[^>]*>|\$[^$]*\$/g, " ");
  const direction = directionOf(words);
  if (direction !== "auto") element.dir = direction;
  return element;
}
