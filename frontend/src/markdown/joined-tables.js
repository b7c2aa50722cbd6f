/**
 * Joins pieces of a long table, each of which has its rows in a body of their own. The bodies of
 * neighbouring pieces stand in one table, up to a number of them: a table is laid out as a whole.
 */

const MOST_BODIES = 8;

/**
 * The nodes of a piece, and the element to which they belong.
 * @param {import("./pieces.js").Piece} piece
 * @param {ChildNode[]} nodes
 * @param {ChildNode[]|undefined} before nodes of the piece before
 * @param {HTMLElement} element of the text
 * @returns {{host: HTMLElement, nodes: ChildNode[]}}
 */
export function joined(piece, nodes, before, element) {
  const [frame] = nodes;
  const last = before?.at(-1);
  if (!piece.head || nodes.length !== 1 || !(last instanceof HTMLElement)) {
    return { host: element, nodes };
  }
  /** @type {HTMLElement|null} */
  const table = last.closest("table") ?? last.querySelector(":scope > table");
  const body = frame instanceof HTMLElement ? frame.querySelector("tbody") : null;
  if (!table || !body) return { host: element, nodes };
  // The bodies up to the one before: this one may be there already, from the last drawing.
  const bodies = [...table.querySelectorAll("tbody")];
  const place = last.nodeName === "TBODY" ? bodies.findIndex((one) => one === last) + 1 : 1;
  if (place >= MOST_BODIES) return { host: element, nodes };
  body.classList.add("more");
  return { host: table, nodes: [body] };
}

/**
 * The children of an element that were drawn with it, and the first of those that were added.
 * @param {HTMLElement} element
 * @returns {{own: ChildNode[], end: ChildNode|null}}
 */
export function ownChildren(element) {
  const children = [...element.childNodes];
  if (element.nodeName !== "TABLE") return { own: children, end: null };
  const at = children.findIndex(
    (node) => node instanceof HTMLElement && node.classList.contains("more"),
  );
  return at < 0
    ? { own: children, end: null }
    : { own: children.slice(0, at), end: children[at] ?? null };
}
