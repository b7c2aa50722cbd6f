/**
 * Syntax colours, loaded when the first code block is to be shown. They are found in a worker, which
 * is this same file: some texts take a highlighter minutes, and it must not stop the page. The result
 * is built as DOM nodes from highlight.js's own tree, never as an HTML string.
 */
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import csharp from "highlight.js/lib/languages/csharp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import dockerfile from "highlight.js/lib/languages/dockerfile";
import go from "highlight.js/lib/languages/go";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import kotlin from "highlight.js/lib/languages/kotlin";
import lua from "highlight.js/lib/languages/lua";
import makefile from "highlight.js/lib/languages/makefile";
import markdown from "highlight.js/lib/languages/markdown";
import php from "highlight.js/lib/languages/php";
import python from "highlight.js/lib/languages/python";
import r from "highlight.js/lib/languages/r";
import ruby from "highlight.js/lib/languages/ruby";
import rust from "highlight.js/lib/languages/rust";
import shell from "highlight.js/lib/languages/shell";
import sql from "highlight.js/lib/languages/sql";
import swift from "highlight.js/lib/languages/swift";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { appendText } from "../lib/visible-text.js";

const languages = {
  bash,
  c,
  cpp,
  csharp,
  css,
  diff,
  dockerfile,
  go,
  ini,
  java,
  javascript,
  json,
  kotlin,
  lua,
  makefile,
  markdown,
  php,
  python,
  r,
  ruby,
  rust,
  shell,
  sql,
  swift,
  typescript,
  xml,
  yaml,
};
for (const [name, language] of Object.entries(languages)) hljs.registerLanguage(name, language);
hljs.registerAliases(["vue", "svelte"], { languageName: "xml" });

/** Code that takes longer, in ms, stays without colours. */
const PATIENCE = 2000;
/** And so does code that would become more parts than this. */
const MOST_PARTS = 5000;
/** The most code that is read in the page itself, without a worker. */
const WITHOUT_WORKER = 2000;

/** @typedef {string|{scope?: string, children: Part[]}} Part */

/**
 * @param {string} code
 * @param {string} language as the fence named it
 * @returns {Part[]|null} null where the language is not known, or there is too much
 */
function partsOf(code, language) {
  if (!hljs.getLanguage(language)) return null;
  const result = hljs.highlight(code, { language, ignoreIllegals: true });
  let left = MOST_PARTS;
  /** @param {any[]} children @returns {Part[]} */
  const plain = (children) => {
    left -= children.length;
    return children.map((part) =>
      typeof part === "string" ? part : { scope: part.scope, children: plain(part.children) },
    );
  };
  const parts = plain(/** @type {any} */ (result)._emitter.root.children);
  return left < 0 ? null : parts;
}

/**
 * @param {string} code
 * @param {string} language as the fence named it
 * @returns {Promise<DocumentFragment|null>} null where it stays without colours
 */
export async function highlight(code, language) {
  if (!hljs.getLanguage(language)) return null;
  const parts = await ask(code, language);
  if (!parts) return null;
  const fragment = document.createDocumentFragment();
  for (const part of parts) append(fragment, part);
  return fragment;
}

/** @type {Worker|null} */
let worker = null;

/**
 * @param {string} code
 * @param {string} language
 * @returns {Promise<Part[]|null>}
 */
function ask(code, language) {
  try {
    worker ??= new Worker(import.meta.url, { type: "module" });
  } catch {
    return Promise.resolve(code.length > WITHOUT_WORKER ? null : partsOf(code, language));
  }
  const asked = worker;
  return new Promise((resolve) => {
    /** @param {Part[]|null} parts */
    const end = (parts) => {
      clearTimeout(timer);
      resolve(parts);
    };
    const giveUp = () => {
      asked.terminate();
      worker = null;
      end(null);
    };
    const timer = setTimeout(giveUp, PATIENCE);
    asked.onerror = giveUp;
    asked.onmessage = ({ data }) => end(data);
    asked.postMessage({ code, language });
  });
}

if (!("document" in globalThis)) {
  globalThis.onmessage = ({ data }) => postMessage(partsOf(data.code, data.language));
}

/**
 * @param {Node} parent
 * @param {Part} part
 */
function append(parent, part) {
  if (typeof part === "string") return appendText(parent, part);
  const span = document.createElement("span");
  if (part.scope && !part.scope.startsWith("language:")) {
    const [first = "", ...more] = part.scope.split(".");
    span.className = [`hljs-${first}`, ...more.map((name, i) => name + "_".repeat(i + 1))].join(
      " ",
    );
  }
  for (const child of part.children) append(span, child);
  parent.appendChild(span);
}
