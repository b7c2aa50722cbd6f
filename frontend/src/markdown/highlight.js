/**
 * Syntax colours, loaded when the first code block is to be shown. They are found in a worker, which
 * is this same file: some texts take a highlighter minutes, and it must not stop the page. The result
 * is highlight.js's own tree, of which DOM nodes are made, never an HTML string.
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

/** Most time for the colours of a code, in ms; the rest of it stays without. */
const PATIENCE = 2000;
/** Most parts of a coloured code; a code that needs more stays without colours. */
const MOST_PARTS = 20_000;
/** The most code that is read in the page itself, without a worker. */
const WITHOUT_WORKER = 4000;
/** Codes whose last parts the worker remembers. */
const REMEMBERED = 4;

/** @typedef {import("./code-text.js").Part} Part */

/**
 * @param {string} code
 * @param {string} language as the fence named it
 * @param {number[]} lengths of the pieces of the code
 * @returns {Part[][]|null} the parts of each piece; null where the language is not known, or there
 *   is too much
 */
function partsOf(code, language, lengths) {
  if (!hljs.getLanguage(language)) return null;
  const result = hljs.highlight(code, { language, ignoreIllegals: true });
  return split(/** @type {any} */ (result)._emitter.root.children, lengths);
}

/**
 * Cuts a tree of parts into one for each piece.
 * @param {any[]} root
 * @param {number[]} lengths
 * @returns {Part[][]|null}
 */
function split(root, lengths) {
  /** @type {Part[][]} */
  const pieces = lengths.map(() => []);
  /** @type {(string|undefined)[]} */
  const scopes = [];
  /** The parts of this piece for those scopes. @type {Part[][]} */
  let open = [];
  let at = 0;
  let left = lengths[0] ?? 0;
  let room = MOST_PARTS;
  /** @param {string} text */
  const say = (text) => {
    let list = pieces[at];
    for (const [depth, scope] of scopes.entries()) {
      if (!open[depth]) {
        open[depth] = [];
        list?.push({ ...(scope && { scope }), children: open[depth] });
        room -= 1;
      }
      list = open[depth];
    }
    list?.push(text);
    room -= 1;
  };
  /** @param {any[]} children */
  const walk = (children) => {
    for (const child of children) {
      if (room < 0) return;
      if (typeof child !== "string") {
        scopes.push(child.scope);
        walk(child.children);
        scopes.pop();
        open.length = Math.min(open.length, scopes.length);
        continue;
      }
      for (let from = 0; from < child.length; ) {
        while (left === 0 && at < lengths.length - 1) {
          at += 1;
          left = lengths[at] ?? 0;
          open = [];
        }
        const text = child.slice(from, from + Math.max(left, 1));
        say(text);
        left -= text.length;
        from += text.length;
      }
    }
  };
  walk(root);
  return room < 0 ? null : pieces;
}

/** The last parts of some codes, as text. @type {Map<number, string[]>} */
const remembered = new Map();

/**
 * @param {{id: number, code: string, language: string, lengths: number[]}} asked
 * @returns {[number, Part[]][]|null} the pieces that differ from the last time, each with its index
 */
function changedParts({ id, code, language, lengths }) {
  const pieces = partsOf(code, language, lengths);
  if (!pieces) return null;
  const before = remembered.get(id) ?? [];
  const now = pieces.map((parts) => JSON.stringify(parts));
  remembered.delete(id);
  remembered.set(id, now);
  if (remembered.size > REMEMBERED) remembered.delete(remembered.keys().next().value ?? 0);
  return [...pieces.entries()].filter(([i]) => now[i] !== before[i]);
}

/** @type {WeakMap<object, number>} */
const ids = new WeakMap();
let lastId = 0;

/**
 * @param {object} owner the same for each state of a code that grows
 * @param {string} code
 * @param {string} language as the fence named it
 * @param {number[]} lengths of the pieces of the code
 * @returns {Promise<[number, Part[]][]|null>} the pieces whose colours are new, each with its index;
 *   null where it stays without
 */
export async function highlight(owner, code, language, lengths) {
  if (!hljs.getLanguage(language)) return null;
  const id = ids.get(owner) ?? ++lastId;
  ids.set(owner, id);
  return ask({ id, code, language, lengths });
}

/** @type {Worker|null} */
let worker = null;

/**
 * @param {{id: number, code: string, language: string, lengths: number[]}} asked
 * @returns {Promise<[number, Part[]][]|null>}
 */
function ask(asked) {
  try {
    worker ??= new Worker(import.meta.url, { type: "module" });
  } catch {
    return Promise.resolve(asked.code.length > WITHOUT_WORKER ? null : changedParts(asked));
  }
  const own = worker;
  return new Promise((resolve) => {
    /** @param {[number, Part[]][]|null} pieces */
    const end = (pieces) => {
      clearTimeout(timer);
      resolve(pieces);
    };
    const giveUp = () => {
      own.terminate();
      worker = null;
      end(null);
    };
    const timer = setTimeout(giveUp, PATIENCE);
    own.onerror = giveUp;
    own.onmessage = ({ data }) => end(data);
    own.postMessage(asked);
  });
}

if (!("document" in globalThis)) {
  globalThis.onmessage = ({ data }) => postMessage(changedParts(data));
}
