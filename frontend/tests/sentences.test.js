/** What people read goes through the translation: no other literal reads like words. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { literals } from "./literals.js";

const SRC = fileURLToPath(new URL("../src", import.meta.url));

/** The first argument of a function of `lib/translate.js`, or the second one of two of them. */
const IS_WRAPPED = /\b(?:(?:t|tparts|msg)\(\s*|(?:tn|tc)\(\s*(?:"[^"]*"\s*,\s*)?)$/;

/** Two words, or one with a capital, or one with a mark that ends a sentence. */
const IS_WORDED = /\p{L}{2}[,;:]? (?:\p{L}{2}|\{\})|^\P{L}*\p{Lu}\p{Ll}+\P{L}*$|\p{L}[.…!?]$|…/u;

/** Places where people read whatever stands there. */
const IS_READ =
  /(?:\b(?:textContent|title|placeholder|ariaLabel)\s*=\s*|(?:\b(?:title|placeholder|label|note|action|hint)|"aria-label"):\s*|\}\s*,\s*|\b(?:announce|toast|setText\([^;]*,|setAttribute\("(?:aria-label|title|placeholder)",)\(?\s*)$/;

/** Places that nobody reads, or developers only. */
const IS_UNREAD =
  /(?:\bconsole\.\w+\([^;]*|\bnew (?:\w*Error|RegExp|Worker)\([^;]*|\b(?:from|import)\s*\(?\s*|\b(?:class|className|kind|autocomplete)\s*[:=]\s*|\bclassList\.\w+\([^;)]*|\b(?:querySelector(?:All)?|find|closest|matches|matchMedia|startsWith|endsWith|includes|contains|split|join)\((?:[^;()]*)|(?:===|!==)\s*)$/;

/** Literals that read like words and are none, or the same in every language. */
const NO_WORDS = new Set([
  ...["Parley", "{} · Parley", "API", "{}…"], // names, a cut title
  ...["Shift", "Control", "Alt", "Meta", "Enter", "Escape"], // keys
  ...["menu-item danger", "short end", "math math-display", "formula math-display"], // classes
  ...["noopener noreferrer nofollow", "<svg {}>{}</svg>", "Segmenter", "held up"],
  ...["Dockerfile", "Makefile"], // names of files
  "tags: {}", // a mark in a text, as `chat/marking.py` writes it
  "New chat", // as `chat/models/values/titles.py` stores it; `shownTitle` translates it
]);

/** @param {string} source */
function unwrapped(source) {
  return literals(source).flatMap(({ text, before, line }) => {
    const near = before.slice(-400);
    const isFound = IS_READ.test(near) ? /\p{L}/u.test(text) : IS_WORDED.test(text);
    if (!isFound || NO_WORDS.has(text)) return [];
    if (IS_WRAPPED.test(near) || IS_UNREAD.test(near)) return [];
    return [`${line}: ${text}`];
  });
}

const files = readdirSync(SRC, { recursive: true })
  .map((name) => String(name).replaceAll("\\", "/"))
  .filter((name) => name.endsWith(".js"));

test("no module has a sentence that is not translated", () => {
  const found = files.flatMap((file) =>
    unwrapped(readFileSync(join(SRC, file), "utf8")).map((one) => `${file}:${one}`),
  );
  assert.deepEqual(found, []);
});

test("a new sentence is found wherever it stands", () => {
  for (const line of [
    'const note = "The reply is complete.";',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is code
    "const note = `${count} messages left`;",
    'return isOpen ? "Close" : "";',
    'el("button", { class: "tool" }, "undo");',
    'el("input", { placeholder: "search" });',
    'el("nav", { "aria-label": "versions" });',
    'button.textContent = "again";',
    'button.setAttribute("aria-label", "more");',
    'announce("done");',
    'toggleMenu(button, "Account", []);',
    'const text = t(isOpen ? "Close it" : "Open it");',
    'say(t("One.") + " Two and three.");',
    'const x = a / b; const y = "Not sent."; // "comment"',
    'const x = /["`]/.test(a) ? "Trying again…" : b;',
  ]) {
    assert.notDeepEqual(unwrapped(line), [], line);
  }
});

test("what is translated or not read by people is left alone", () => {
  for (const line of [
    'const note = t("The reply is complete.");',
    'tn("{n} match of all.", "{n} matches of all.", count);',
    'tc("verb", "Archive");',
    'throw new Error("The page has no such element");',
    'console.warn("parley: not loaded", problem);',
    'el("div", { class: "button button-primary" });',
    '/* The reply is complete. */ // It\'s "so".',
    'if (event.key === "Escape") return;',
  ]) {
    assert.deepEqual(unwrapped(line), [], line);
  }
});

test("a translation gets its sentence as one literal", () => {
  const found = files.flatMap((file) => {
    const text = readFileSync(join(SRC, file), "utf8");
    if (file === "lib/translate.js") return [];
    const calls = text.matchAll(/(?<![\w$.*`])(t|tn|tc|tparts|msg)\((?!\s*["'])(.*)/g);
    const glued = text.matchAll(
      /(?<![\w$.])(?:t|tn|tc|tparts|msg)\(\s*"(?:[^"\\]|\\.)*"\s*(\+.*)/g,
    );
    return [...calls, ...glued].map(([call]) => `${file}: ${call}`);
  });
  assert.deepEqual(found, []);
});
