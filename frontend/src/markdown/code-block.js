/** A block of code: its language, its buttons, its text. */
import { copyButton } from "../lib/copy.js";
import { el } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { t } from "../lib/translate.js";
import { CodeText, codeTextOf } from "./code-text.js";

/** A longer source is not drawn as a diagram. */
const LONGEST_DIAGRAM = 20_000;

/**
 * @param {string} language as the fence names it, "" for none
 * @param {string} text
 */
export function codeBlock(language, text) {
  const code = el("code");
  if (language) code.dataset.language = language.toLowerCase();
  const shown = new CodeText(code);
  shown.set(text);
  const source = () => shown.text;
  const block = el("div", { class: "code", dir: "ltr" });
  const head = el(
    "div",
    { class: "code-head" },
    el("span", { class: "code-language" }, code.dataset.language ?? ""),
  );
  if (language.toLowerCase() === "mermaid") head.append(diagramButton(block, source));
  head.append(
    wrapButton(block),
    tool("download", t("Download code"), async () => {
      const { download } = await import("./download.js");
      download(source(), language);
    }),
    // Without its last line end, at which a terminal would run what is pasted.
    copyButton(t("Copy code"), () => source().replace(/\n$/, "")),
  );
  block.append(head, el("pre", { tabindex: 0 }, code));
  return block;
}

/**
 * The text of a block of code, which may grow.
 * @param {Node|undefined} block
 * @param {string} [language] of which it has to be
 */
export function textOfBlock(block, language) {
  if (!(block instanceof HTMLElement) || !block.classList.contains("code")) return null;
  const code = block.querySelector("pre > code");
  const text = code && codeTextOf(code);
  return text && (language === undefined || text.language === language.toLowerCase()) ? text : null;
}

/**
 * @param {import("../lib/icons.js").IconName} name
 * @param {string} label
 * @param {(event: Event) => void} act
 */
function tool(name, label, act) {
  const attributes = { type: "button", class: "tool", "aria-label": label, title: label };
  const button = el("button", attributes, icon(name));
  button.addEventListener("click", act);
  return button;
}

/** @param {HTMLElement} block */
function wrapButton(block) {
  const button = tool("wrap", t("Wrap long lines"), () => {
    const isWrapped = block.classList.toggle("wrapped");
    button.setAttribute("aria-pressed", String(isWrapped));
  });
  button.setAttribute("aria-pressed", "false");
  return button;
}

/**
 * @param {HTMLElement} block
 * @param {() => string} source
 */
function diagramButton(block, source) {
  const show = t("Show diagram");
  const button = el("button", { type: "button", class: "tool" }, show);
  /** @type {{remove: () => void}|null} */
  let shown = null;
  const hide = () => {
    shown?.remove();
    shown = null;
    button.textContent = show;
  };
  button.addEventListener("click", async () => {
    if (shown) return hide();
    const { showDiagram, sayInstead } = await import("./diagram.js");
    if (shown) return;
    const text = source();
    shown =
      text.length > LONGEST_DIAGRAM
        ? sayInstead(block, t("This diagram is too large to be drawn."))
        : showDiagram(block, text);
    button.textContent = t("Hide diagram");
  });
  return button;
}
