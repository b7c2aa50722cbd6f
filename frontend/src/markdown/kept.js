/**
 * Parts of lists and tables that are on the page already. While a text grows, its open block is
 * drawn again and again; of its items and rows only those that differ are made. In place of each
 * other one stands a comment, which `patch.js` takes for the node on the page.
 */

/**
 * @typedef {import("./blocks.js").Generic} Generic
 *
 * @typedef {object} Part
 * @property {number} block number of the block in its piece
 * @property {string} key
 * @property {HTMLElement} node
 * @property {number} weight
 */

/** The nodes that comments stand for. @type {WeakMap<Node, HTMLElement>} */
const meant = new WeakMap();
/** Nodes on the page that were made equal to new ones. @type {WeakMap<Node, Node>} */
const onPage = new WeakMap();

/**
 * The node that a comment stands for.
 * @param {Node} node
 */
export const meantBy = (node) => meant.get(node);

/**
 * Notes that a node on the page is now as a new one, which is not used.
 * @param {Node} node
 * @param {Node} old
 */
export const stands = (node, old) => onPage.set(node, old);

/**
 * Replaces the comments in a node that comes to the page whole.
 * @param {ChildNode} node
 * @returns {ChildNode}
 */
export function whole(node) {
  const own = meant.get(node);
  if (own) return /** @type {HTMLElement} */ (own.cloneNode(true));
  for (const child of node.childNodes) {
    const put = whole(child);
    if (put !== child) child.replaceWith(put);
  }
  return node;
}

export class Kept {
  /** The parts of this time. @type {Part[]} */
  parts = [];
  #before;
  #block = -1;
  /** @type {Generic|null} */
  #token = null;

  /** @param {Part[]} before of the last time, in order */
  constructor(before) {
    this.#before = before;
  }

  /**
   * Begins a block of the piece.
   * @param {Generic} token
   */
  begin(token) {
    this.#block += 1;
    this.#token = token;
  }

  /**
   * @param {Generic} of the list or table; only those that are blocks of the piece are kept
   * @param {string} key
   * @param {() => {node: HTMLElement, weight: number}} make
   * @returns {{node: Node, weight: number}}
   */
  part(of, key, make) {
    if (of !== this.#token) return make();
    const old = this.#before[this.parts.length];
    if (old?.key !== key || old.block !== this.#block) {
      const made = make();
      this.parts.push({ block: this.#block, key, ...made });
      return made;
    }
    const node = /** @type {HTMLElement} */ (onPage.get(old.node) ?? old.node);
    this.parts.push({ ...old, node });
    const comment = document.createComment("");
    meant.set(comment, node);
    return { node: comment, weight: old.weight };
  }
}
