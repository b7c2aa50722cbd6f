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
 * Environments that KaTeX lacks, by the nearest that it has. The lines of a `multline` are centred.
 * @type {[RegExp, string][]}
 */
const REPLACED = [
  [/\\(begin|end)\{multline\*?\}/g, "\\$1{gathered}"],
  [/\\(begin|end)\{flalign(\*?)\}/g, "\\$1{align$2}"],
  [/\\begin\{eqnarray\*?\}/g, "\\begin{darray}{rcl}"],
  [/\\end\{eqnarray\*?\}/g, "\\end{darray}"],
];

/** Commands that change nothing on the page, or belong to `multline`. */
const MACROS = {
  "\\label": /** @type {any} */ ({ tokens: [], numArgs: 1 }),
  "\\shoveleft": "#1",
  "\\shoveright": "#1",
};

/** @param {string} tex */
const supported = (tex) => REPLACED.reduce((text, [from, to]) => text.replace(from, to), tex);

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
    katex.render(supported(tex), span, {
      macros: { ...MACROS },
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
