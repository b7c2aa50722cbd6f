/**
 * Syntax colours, loaded when the first code block is to be shown. The result is built as DOM
 * nodes from highlight.js's own tree, never as an HTML string.
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

/**
 * @param {string} code
 * @param {string} language as the fence named it
 * @returns {DocumentFragment|null} null where the language is not known
 */
export function highlight(code, language) {
  if (!hljs.getLanguage(language)) return null;
  const result = hljs.highlight(code, { language, ignoreIllegals: true });
  const fragment = document.createDocumentFragment();
  const tree = /** @type {any} */ (result)._emitter.root;
  for (const child of tree.children) fragment.append(toNode(child));
  return fragment;
}

/**
 * @param {string|{scope?: string, children: any[]}} part
 * @returns {Node}
 */
function toNode(part) {
  if (typeof part === "string") return document.createTextNode(part);
  const span = document.createElement("span");
  if (part.scope && !part.scope.startsWith("language:")) {
    const [first = "", ...more] = part.scope.split(".");
    span.className = [`hljs-${first}`, ...more.map((name, i) => name + "_".repeat(i + 1))].join(
      " ",
    );
  }
  for (const child of part.children) span.append(toNode(child));
  return span;
}
