/**
 * Colours code blocks one by one when the browser is idle, while they grow too. The more a block
 * takes, the longer it waits for the next time. A piece of code in which something is selected gets
 * its colours later.
 */
import { Awaited } from "../lib/awaited.js";
import { whenIdle } from "../lib/idle.js";
import { codeTextOf } from "./code-text.js";

/** @typedef {import("./code-text.js").CodeText} CodeText */

const LONGEST = 100_000;
/** Time in ms between two colourings of a block that grows: at least, and by the last one's time. */
const REST = 120;
const SHARE = 10;

/** @type {Set<CodeText>} */
const waiting = new Set();
/** Texts in which something is selected. @type {Set<CodeText>} */
const selected = new Set();
let isWorking = false;

const highlighter = new Awaited(load, goOn);

/**
 * Asks for the colours of all code in an element that has none yet.
 * @param {Node} node
 */
export function colour(node) {
  if (!(node instanceof HTMLElement)) return;
  for (const code of node.querySelectorAll("code[data-language]")) {
    const text = codeTextOf(code);
    if (text && isUncoloured(text)) waiting.add(text);
  }
  goOn();
}

/** @param {CodeText} text */
const isUncoloured = (text) =>
  text.isColourable && text.asked < text.text.length && text.text.length <= LONGEST;

function goOn() {
  if (isWorking || !waiting.size) return;
  isWorking = true;
  const wait = Math.min(...[...waiting].map(({ due }) => due)) - performance.now();
  if (wait > 0) setTimeout(() => whenIdle(next), wait);
  else whenIdle(next);
}

async function next() {
  if (!highlighter.part) {
    isWorking = false;
    highlighter.want();
    return;
  }
  const text = [...waiting].find(({ due }) => due <= performance.now());
  if (text) {
    waiting.delete(text);
    if (text.code.isConnected && isUncoloured(text)) await paint(text, highlighter.part.highlight);
  }
  isWorking = false;
  goOn();
}

async function load() {
  try {
    return await import("./highlight.js");
  } catch (problem) {
    for (const text of waiting) if (!text.code.isConnected) waiting.delete(text);
    throw problem;
  }
}

/**
 * @param {CodeText} text
 * @param {typeof import("./highlight.js").highlight} highlight
 */
async function paint(text, highlight) {
  const start = performance.now();
  const { text: code, state } = text;
  text.asked = code.length;
  try {
    const pieces = await highlight(state, code, text.language, text.lengths);
    const end = performance.now();
    text.due = end + Math.max(REST, SHARE * (end - start));
    if (!pieces) text.isColourable = false;
    // The text may have changed meanwhile.
    else if (text.state === state && text.text.startsWith(code)) text.paint(pieces);
    else text.forget();
    if (text.text === code) text.code.dataset.coloured = "";
    if (text.isWaiting) wait(text);
    if (isUncoloured(text)) waiting.add(text);
  } catch (problem) {
    // Code without colours is still code.
    console.warn("parley: no highlighting", problem);
  }
}

/** @param {CodeText} text */
function wait(text) {
  if (!selected.size) document.addEventListener("selectionchange", paintSelected);
  selected.add(text);
}

function paintSelected() {
  for (const text of selected) if (!text.paintWaiting()) selected.delete(text);
  if (!selected.size) document.removeEventListener("selectionchange", paintSelected);
}
