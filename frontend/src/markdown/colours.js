/**
 * Colours finished code blocks one by one when the browser is idle, but not while text in them is
 * selected.
 */
import { Awaited } from "../lib/awaited.js";
import { whenIdle } from "../lib/idle.js";
import { textOf } from "../lib/visible-text.js";

const LONGEST = 30_000;

/** @type {Set<HTMLElement>} */
const waiting = new Set();
let isWorking = false;

const highlighter = new Awaited(load, goOn);

/**
 * Asks for the colours of all code in an element that has none yet.
 * @param {Node} node
 */
export function colour(node) {
  if (!(node instanceof HTMLElement)) return;
  for (const code of /** @type {NodeListOf<HTMLElement>} */ (
    node.querySelectorAll("code[data-language]:not([data-coloured])")
  )) {
    if ((code.textContent ?? "").length <= LONGEST) waiting.add(code);
  }
  if (!waiting.size || isWorking) return;
  isWorking = true;
  whenIdle(next);
}

async function next() {
  if (!highlighter.part) {
    isWorking = false;
    highlighter.want();
    return;
  }
  const code = [...waiting].find((one) => !isSelected(one));
  if (code) {
    waiting.delete(code);
    await paint(code, highlighter.part.highlight);
  }
  isWorking = [...waiting].some((one) => !isSelected(one));
  if (isWorking) whenIdle(next);
  else if (waiting.size) document.addEventListener("selectionchange", goOn, { once: true });
}

function goOn() {
  if (isWorking || !waiting.size) return;
  isWorking = true;
  whenIdle(next);
}

async function load() {
  try {
    return await import("./highlight.js");
  } catch (problem) {
    for (const code of waiting) if (!isDue(code)) waiting.delete(code);
    throw problem;
  }
}

/**
 * Code that still grows is asked for again at its end.
 * @param {HTMLElement} code
 */
const isDue = (code) =>
  code.isConnected && !code.closest("[data-open]") && !("coloured" in code.dataset);

/**
 * @param {HTMLElement} code
 * @param {typeof import("./highlight.js").highlight} highlight
 */
async function paint(code, highlight) {
  if (!isDue(code)) return;
  try {
    const text = textOf(code);
    const coloured = await highlight(text, code.dataset.language ?? "");
    // It may have grown, or been selected, meanwhile.
    if (textOf(code) !== text || code.closest("[data-open]")) return;
    if (isSelected(code)) {
      waiting.add(code);
      return;
    }
    code.dataset.coloured = "";
    if (coloured) code.replaceChildren(coloured);
  } catch (problem) {
    // Code without colours is still code.
    console.warn("parley: no highlighting", problem);
  }
}

/**
 * True if a selection would be lost with what is in an element.
 * @param {Node} node
 */
function isSelected(node) {
  const selection = document.getSelection?.();
  if (!selection || selection.isCollapsed || !selection.rangeCount) return false;
  const { startContainer, endContainer } = selection.getRangeAt(0);
  return node.contains(startContainer) || node.contains(endContainer);
}
