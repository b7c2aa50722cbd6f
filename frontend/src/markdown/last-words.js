/** The place on the page of the words at the end of a growing text. */

const BLOCKS = new Set(["P", "UL", "OL", "LI", "BLOCKQUOTE", "H2", "H3", "H4", "H5", "H6"]);

/**
 * The text node in which a block ends, where it ends in a text of its own: not in code, a link or
 * a line that was just broken.
 * @param {import("./pieces.js").Piece} piece the last one
 * @param {Element} element
 * @param {string} text
 * @returns {Text|null}
 */
export function wordsAtEnd(piece, element, text) {
  if (piece.kind !== "text" || piece.raw.length > 5000 || text.endsWith("\n")) return null;
  // A start this short may still become a list, a heading or a rule.
  if (text.slice(text.lastIndexOf("\n") + 1).trim().length < 8) return null;
  /** @type {Node|null} */
  let node = element.lastChild;
  while (node) {
    if (node instanceof Text) {
      if (node.data.trim()) return node;
      node = node.previousSibling;
    } else if (BLOCKS.has(node.nodeName)) node = node.lastChild;
    else return null;
  }
  return null;
}
