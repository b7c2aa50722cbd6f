/**
 * Formulas as MathML, loaded when the first one is to be shown. KaTeX's HTML output would need
 * inline styles, which the page's policy forbids; browsers draw MathML themselves.
 */
import katex from "katex";
import "katex/contrib/mhchem";

/** Most characters of a formula, and most cells, rows and primes: a larger one is shown as its source. */
const LONGEST = 2000;
const MOST_MARKS = 300;

/**
 * @param {string} tex
 * @param {boolean} display on a line of its own
 * @returns {HTMLElement|null} null where it cannot be typeset: its source stays
 */
export function typeset(tex, display) {
  if (tex.length > LONGEST || (tex.match(/[&']|\\\\/g)?.length ?? 0) > MOST_MARKS) return null;
  const span = document.createElement("span");
  span.className = display ? "math math-display" : "math";
  try {
    katex.render(tex, span, {
      output: "mathml",
      displayMode: display,
      throwOnError: true,
      strict: "ignore",
      trust: false,
      maxExpand: 200,
      maxSize: 20,
    });
  } catch {
    return null;
  }
  return span;
}
