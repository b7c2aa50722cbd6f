/** The direction of imports: from the protocol through the state to the views. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const SRC = fileURLToPath(new URL("../src", import.meta.url));

/** Made from the server's structs: types of the frames, for every folder. */
const TYPES = "protocol.js";

/** Folders whose modules each folder may import, in types too. Entries at the top import any. */
const ALLOWED = {
  lib: [],
  state: ["lib"],
  protocol: ["state", "lib"],
  store: ["protocol", "state", "lib"],
  markdown: ["lib"],
  views: ["store", "markdown", "state", "lib"],
  admin: ["views", "markdown", "state", "lib"],
};

/** Names by which a module reaches the page, the network or the browser's storage. */
const IMPURE =
  /\b(document|window|navigator|location|history|localStorage|sessionStorage|fetch|WebSocket|EventSource|matchMedia|requestAnimationFrame|addEventListener|IntersectionObserver|setTimeout)\b\s*[.([]/g;

const files = readdirSync(SRC, { recursive: true })
  .map((name) => String(name).replaceAll("\\", "/"))
  .filter((name) => name.endsWith(".js"));

/** @param {string} text */
const withoutComments = (text) =>
  text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");

/**
 * The modules of ours that a file imports.
 * @param {string} file
 * @param {(text: string) => string} [cleaned]
 */
function imports(file, cleaned = (text) => text) {
  const text = cleaned(readFileSync(join(SRC, file), "utf8"));
  const found = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+\.js)"/g);
  return [...found].map(([, path]) => relative(SRC, join(SRC, dirname(file), path)));
}

/** @param {string} file "" for an entry */
const folder = (file) => (file.includes("/") ? dirname(file) : "");

test("a folder imports only those before it", () => {
  assert.deepEqual([...new Set(files.map(folder))].sort(), ["", ...Object.keys(ALLOWED)].sort());
  const against = files.filter(folder).flatMap((file) => {
    const allowed = [folder(file), ...ALLOWED[folder(file)]];
    const wrong = imports(file).filter(
      (imported) => imported !== TYPES && !allowed.includes(folder(imported)),
    );
    return wrong.map((imported) => `${file} imports ${imported}`);
  });
  assert.deepEqual(against, []);
});

test("the state touches neither the page nor the network", () => {
  const closure = new Set(files.filter((file) => folder(file) === "state"));
  // A Set is iterated to its end, which grows here.
  for (const file of closure) {
    for (const imported of imports(file, withoutComments)) closure.add(imported);
  }
  for (const file of closure) {
    const text = withoutComments(readFileSync(join(SRC, file), "utf8"));
    assert.deepEqual(text.match(IMPURE) ?? [], [], file);
  }
});

test("no modules import each other in a circle", () => {
  /** @type {Map<string, "open"|"done">} */
  const seen = new Map();
  /**
   * @param {string} file
   * @param {string[]} way
   */
  const visit = (file, way) => {
    if (seen.get(file) === "done") return;
    assert.notEqual(seen.get(file), "open", `a circle: ${[...way, file].join(" → ")}`);
    seen.set(file, "open");
    for (const imported of imports(file, withoutComments)) visit(imported, [...way, file]);
    seen.set(file, "done");
  };
  for (const file of files) visit(file, []);
});

/** First words of riddles: questions, and words that point at something said elsewhere. */
const RIDDLES = new Set(
  `what who whom whose whether where which why how when those so that and else it one none there of
  something somebody until with`.split(/\s+/),
);

test("comments begin with a noun or a verb", () => {
  const found = files.flatMap((file) => {
    const text = readFileSync(join(SRC, file), "utf8");
    const comments = text.matchAll(/\/\*\*?([\s\S]*?)\*\/|(?<=^|[\s;])\/\/(.*)$/gm);
    return [...comments].flatMap(([, block, line]) => {
      const words = (block ?? line).replace(/^\s*\* ?/gm, "").trim();
      const first = words.split(/[\s,.:;]/, 1)[0].toLowerCase();
      return RIDDLES.has(first) ? [`${file}: ${words.split("\n", 1)[0]}`] : [];
    });
  });
  assert.deepEqual(found, []);
});

test("names say who is notified and what is reported", () => {
  // *Tell* and *told* hide both.
  const found = files.flatMap((file) => {
    const text = withoutComments(readFileSync(join(SRC, file), "utf8"));
    const names = text.replace(/"[^"\n]*"/g, "").match(/[\w$]*([Tt]ell|[Tt]old)(?![a-z])\w*/g);
    return (names ?? []).map((name) => `${file}: ${name}`);
  });
  assert.deepEqual(found, []);
});
