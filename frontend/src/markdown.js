/**
 * Markdown as DOM nodes: the one place where text of a model becomes more than text.
 *
 * What `blocks.js` made is sanitised into a fragment, and then dressed: code blocks get their
 * language and a Copy button, tables a frame to scroll in, formulas are typeset. No HTML string
 * ever reaches the document.
 */
import createDOMPurify from "dompurify";
import { lex, safeUrl, toHtml } from "./blocks.js";
import { copyButton } from "./copy.js";
import { el } from "./dom.js";

const TAGS =
  "p br hr h2 h3 h4 h5 h6 ul ol li blockquote pre code em strong del a table thead tbody tr th td";

const HIGHLIGHT_UP_TO = 30_000;

const purify = createDOMPurify(window);
purify.setConfig({
  ALLOWED_TAGS: TAGS.split(" "),
  ALLOWED_ATTR: ["href", "title", "align", "start", "class"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
});
purify.addHook("afterSanitizeAttributes", (node) => {
  if (node.nodeName !== "A") return;
  const href = node.getAttribute("href");
  if (!href || !safeUrl(href)) return node.removeAttribute("href");
  node.setAttribute("target", "_blank");
  node.setAttribute("rel", "noopener noreferrer nofollow");
});

/**
 * A whole text.
 * @param {string} text
 * @returns {DocumentFragment}
 */
export function render(text) {
  try {
    return renderTokens(lex(text));
  } catch (problem) {
    return plain(text, problem);
  }
}

/**
 * Blocks that came from `lex` or `cut`.
 * @param {import("marked").Token[]} tokens
 * @returns {DocumentFragment}
 */
export function renderTokens(tokens) {
  // A fragment, as configured above; the type only knows of options given here.
  const clean = /** @type {unknown} */ (purify.sanitize(toHtml(tokens)));
  const fragment = /** @type {DocumentFragment} */ (clean);
  dress(fragment);
  return fragment;
}

/**
 * What is shown where Markdown fails: the text itself.
 * @param {string} text
 * @param {unknown} problem
 */
export function plain(text, problem) {
  console.error("parley: Markdown failed", problem);
  const fragment = document.createDocumentFragment();
  fragment.append(el("p", { class: "plain" }, text));
  return fragment;
}

/** @param {DocumentFragment} fragment */
function dress(fragment) {
  for (const pre of fragment.querySelectorAll("pre")) {
    if (pre.classList.contains("math-block")) dressFormula(pre, "div", true);
    else dressCode(pre);
  }
  for (const code of fragment.querySelectorAll("code.math-inline")) {
    dressFormula(code, "span", false);
  }
  for (const item of fragment.querySelectorAll("li")) {
    if (/^[☐☑] /.test(item.textContent ?? "")) item.classList.add("task");
  }
  for (const table of fragment.querySelectorAll("table")) {
    const frame = el("div", { class: "table-frame", tabindex: 0, role: "group" });
    frame.setAttribute("aria-label", "Table");
    table.replaceWith(frame);
    frame.append(table);
  }
}

/**
 * @param {Element} source
 * @param {"div"|"span"} tag
 * @param {boolean} isDisplay
 */
function dressFormula(source, tag, isDisplay) {
  const place = el(tag, { class: "math-source" }, source.textContent ?? "");
  source.replaceWith(place);
  setFormula(place, isDisplay);
}

/** @param {HTMLPreElement} pre */
function dressCode(pre) {
  const code = pre.querySelector("code");
  if (!code) return;
  const language = /^language-(\S+)$/.exec(code.className)?.[1]?.toLowerCase() ?? "";
  code.removeAttribute("class");
  const frame = el("div", { class: "code" });
  pre.replaceWith(frame);
  pre.tabIndex = 0;
  frame.append(
    el(
      "div",
      { class: "code-head" },
      el("span", { class: "code-language" }, language || "text"),
      copyButton("Copy code", () => code.textContent ?? ""),
    ),
    pre,
  );
  if (language) highlightLater(code, language);
}

/** @type {{code: HTMLElement, language: string}[]} */
const waiting = [];
let isHighlighting = false;

/**
 * Colours come when there is time for them, block by block, and only to what is still shown.
 * @param {HTMLElement} code
 * @param {string} language
 */
function highlightLater(code, language) {
  if ((code.textContent ?? "").length > HIGHLIGHT_UP_TO) return;
  waiting.push({ code, language });
  if (isHighlighting) return;
  isHighlighting = true;
  whenIdle(highlightNext);
}

async function highlightNext() {
  const next = waiting.shift();
  if (!next) {
    isHighlighting = false;
    return;
  }
  const { code, language } = next;
  if (code.isConnected && !code.closest("[data-open]")) {
    try {
      const { highlight } = await import("./highlight.js");
      const coloured = highlight(code.textContent ?? "", language);
      if (coloured) code.replaceChildren(coloured);
    } catch (problem) {
      // The chunk is gone after an update of the server, say: code without colours is still code.
      console.warn("parley: no highlighting", problem);
    }
  }
  whenIdle(highlightNext);
}

/** @param {() => void} work */
function whenIdle(work) {
  if ("requestIdleCallback" in window) requestIdleCallback(work, { timeout: 500 });
  else setTimeout(work, 16);
}

/** @type {typeof import("./math.js").typeset|null} */
let typeset = null;

/**
 * The first formula waits for the code that sets it, later ones are set at once. The element in
 * `place` stays: whoever holds it can remove it with the formula.
 * @param {Element} place element with the TeX as its text
 * @param {boolean} isDisplay
 */
function setFormula(place, isDisplay) {
  const tex = place.textContent ?? "";
  const show = () => {
    const formula = typeset?.(tex, isDisplay);
    if (!formula) return;
    place.className = "";
    place.replaceChildren(formula);
  };
  if (typeset) return show();
  import("./math.js").then(
    (math) => {
      typeset = math.typeset;
      show();
    },
    (problem) => console.warn("parley: no formulas", problem),
  );
}
