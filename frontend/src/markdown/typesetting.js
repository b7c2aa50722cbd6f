/** Typesets formulas: at once if there is time, else step by step. */

import { Awaited } from "../lib/awaited.js";
import { whenIdle } from "../lib/idle.js";

/** Time for formulas in one turn of the page, in ms. */
const BUDGET = 6;
const REMEMBERED = 300;

/** @type {Map<string, HTMLElement|null>} */
const known = new Map();
/** The typesetting of each place. @type {Map<HTMLElement, () => void>} */
const waiting = new Map();
let spent = 0;
let isWorking = false;

const math = new Awaited(load, work);

/**
 * Sets the formula that is the text of an element. The element stays: whoever holds it can remove it
 * with the formula.
 * @param {HTMLElement} place
 * @param {boolean} isDisplay
 */
export function setFormula(place, isDisplay) {
  const set = () => {
    const tex = place.textContent ?? "";
    const formula = made(tex, isDisplay);
    if (!formula) return;
    place.className = isDisplay ? "formula math-display" : "formula";
    place.replaceChildren(formula);
  };
  const isKnown = known.has(keyOf(place.textContent ?? "", isDisplay));
  if (math.part && (spent < BUDGET || isKnown)) return set();
  waiting.set(place, set);
  if (!math.part) math.want();
  else if (!isWorking) {
    isWorking = true;
    whenIdle(work);
  }
}

async function load() {
  try {
    return await import("./math.js");
  } catch (problem) {
    for (const place of waiting.keys()) if (!isDue(place)) waiting.delete(place);
    throw problem;
  }
}

/**
 * Places replaced meanwhile are set by their replacements.
 * @param {HTMLElement} place
 */
const isDue = (place) => place.isConnected && place.classList.contains("math-source");

function work() {
  spent = 0;
  for (const [place, set] of waiting) {
    if (spent >= BUDGET) break;
    waiting.delete(place);
    if (isDue(place)) set();
  }
  spent = 0;
  isWorking = waiting.size > 0;
  if (isWorking) whenIdle(work);
}

/**
 * @param {string} tex
 * @param {boolean} isDisplay
 * @returns {Node|null}
 */
function made(tex, isDisplay) {
  const key = keyOf(tex, isDisplay);
  let formula = known.get(key);
  if (formula === undefined) {
    if (spent === 0) setTimeout(() => (spent = 0));
    const start = performance.now();
    formula = math.part?.typeset(tex, isDisplay) ?? null;
    spent += performance.now() - start;
    known.set(key, formula);
    if (known.size > REMEMBERED) known.delete(known.keys().next().value ?? "");
  }
  return formula?.cloneNode(true) ?? null;
}

/**
 * @param {string} tex
 * @param {boolean} isDisplay
 */
const keyOf = (tex, isDisplay) => `${isDisplay} ${tex}`;
