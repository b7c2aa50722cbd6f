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
  const fragment = purify.sanitize(toHtml(tokens), {
    ALLOWED_TAGS: TAGS.split(" "),
    ALLOWED_ATTR: ["href", "title", "align", "start", "class"],
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
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
    if (pre.classList.contains("math-block")) typesetInto(pre, true);
    else dressCode(pre);
  }
  for (const code of fragment.querySelectorAll("code.math-inline")) typesetInto(code, false);
  for (const table of fragment.querySelectorAll("table")) {
    const frame = el("div", { class: "table-frame", tabindex: 0, role: "group" });
    frame.setAttribute("aria-label", "Table");
    table.replaceWith(frame);
    frame.append(table);
  }
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

/**
 * @param {Element} source element with the TeX as its text
 * @param {boolean} display
 */
async function typesetInto(source, display) {
  try {
    const { typeset } = await import("./math.js");
    const formula = typeset(source.textContent ?? "", display);
    if (formula) source.replaceWith(formula);
  } catch (problem) {
    console.warn("parley: no formulas", problem);
  }
}
