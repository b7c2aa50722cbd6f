/**
 * Makes nodes on the page equal to new ones, and keeps each that can stay. Thus a selection and the
 * place of a screen reader survive.
 */
import { textOfBlock } from "./code-block.js";
import { ownChildren } from "./joined-tables.js";
import { meantBy, stands, whole } from "./kept.js";

/**
 * @param {ChildNode[]} before nodes on the page, neighbours of each other
 * @param {ChildNode[]} after the new nodes
 * @param {Node} host
 * @param {Node|null} end the node after them
 * @returns {ChildNode[]} the nodes there now
 */
export function patch(before, after, host, end) {
  const result = after.map((node, i) => {
    const old = before[i];
    if (old && (meantBy(node) === old || merge(old, node))) return old;
    const fresh = whole(node);
    host.insertBefore(fresh, old ?? end);
    old?.remove();
    return fresh;
  });
  for (const old of before.slice(after.length)) old.remove();
  return result;
}

/**
 * @param {ChildNode} old
 * @param {ChildNode} node
 * @returns {boolean} true if the old one is now like the new one
 */
function merge(old, node) {
  if (old instanceof Text && node instanceof Text) {
    setData(old, node.data);
    return true;
  }
  if (!(old instanceof HTMLElement) || !(node instanceof HTMLElement)) return old.isEqualNode(node);
  if (old.nodeName !== node.nodeName || kindOf(old) !== kindOf(node)) return false;
  if (old.classList.contains("code")) return mergeCode(old, node);
  if (old.classList.contains("formula")) return old.isEqualNode(node);
  for (const { name } of [...old.attributes]) {
    if (!node.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of node.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  const { own, end } = ownChildren(old);
  patch(own, [...node.childNodes], old, end);
  stands(node, old);
  return true;
}

/** @param {HTMLElement} element */
const kindOf = ({ classList }) => classList[0] ?? "";

/**
 * Code keeps its colours, and its buttons what they say.
 * @param {HTMLElement} old
 * @param {HTMLElement} node
 */
function mergeCode(old, node) {
  const fresh = textOfBlock(node);
  const text = fresh && textOfBlock(old, fresh.language);
  if (!text) return false;
  text.set(fresh.text);
  return true;
}

/**
 * Changes only what differs at the end of a text.
 * @param {Text} text
 * @param {string} data
 */
function setData(text, data) {
  if (text.data === data) return;
  if (data.startsWith(text.data)) return text.appendData(data.slice(text.data.length));
  let same = 0;
  while (same < data.length && text.data[same] === data[same]) same += 1;
  text.replaceData(same, text.data.length - same, data.slice(same));
}
