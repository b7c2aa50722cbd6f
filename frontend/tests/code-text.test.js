/** Code in pieces: what is closed stays, and colours change only what differs. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { page } from "./page.js";

page();
/** @type {typeof import("../src/markdown/code-text.js")} */
let module;

before(async () => {
  module = await import("../src/markdown/code-text.js");
});

function code() {
  const element = document.createElement("code");
  document.body.append(element);
  return { element, text: new module.CodeText(element) };
}

const lines = (count) => Array.from({ length: count }, (_, i) => `line ${i}\n`).join("");
const keyword = (word) => ({ scope: "keyword", children: [word] });

test("however it comes, code is cut into the same pieces", () => {
  const whole = `${lines(170)}${"x".repeat(20_000)}\n${"👍".repeat(9000)}`;
  const one = code();
  one.text.set(whole);
  const two = code();
  for (let end = 1; end < whole.length; end += 701) two.text.set(whole.slice(0, end));
  two.text.set(whole);
  assert.equal(one.element.textContent, whole);
  assert.equal(two.element.textContent, whole);
  assert.deepEqual(two.text.lengths, one.text.lengths);
  for (const piece of one.element.children) assert.ok(piece.textContent.isWellFormed());
  assert.equal(Math.max(...one.text.lengths) <= 8001, true);
});

test("pieces stay while code grows, and while its end changes", () => {
  const { element, text } = code();
  text.set(lines(120));
  const pieces = [...element.children];
  text.set(`${lines(120)}\`\``);
  text.set(`${lines(120)}more\n`);
  assert.deepEqual([...element.children], pieces);
  assert.equal(element.textContent, `${lines(120)}more\n`);
  text.set("other\n");
  assert.equal(element.textContent, "other\n");
});

test("colours keep every node that does not differ", () => {
  const { element, text } = code();
  text.set("let a;\nlet b");
  text.paint([[0, [keyword("let"), " a;\n", keyword("let"), " b"]]]);
  const [piece] = element.children;
  const nodes = [...piece.childNodes];
  text.set("let a;\nlet b = 1;\nif");
  assert.equal(piece.querySelectorAll(".hljs-keyword").length, 2);
  text.paint([[0, [keyword("let"), " a;\n", keyword("let"), " b = 1;\n", keyword("if")]]]);
  assert.deepEqual([...piece.childNodes].slice(0, 3), nodes.slice(0, 3));
  assert.equal(piece.querySelectorAll(".hljs-keyword").length, 3);
  assert.equal(element.textContent, text.text);
});

test("colours of less than the text leave the rest as it is", () => {
  const { element, text } = code();
  text.set("let a;\nlet b;\n");
  text.paint([[0, [keyword("let"), " a;"]]]);
  assert.equal(element.textContent, "let a;\nlet b;\n");
  text.paint([[7, [keyword("let")]]]);
  assert.equal(element.textContent, "let a;\nlet b;\n");
});

test("a selection in a piece is kept, and its colours come after it", () => {
  const { element, text } = code();
  text.set("let a = 1;\n");
  const selection = document.getSelection();
  const node = element.firstChild.firstChild;
  selection.setBaseAndExtent(node, 4, node, 9);
  text.paint([[0, [keyword("let"), " a = 1;\n"]]]);
  assert.equal(String(selection), "a = 1");
  assert.equal(element.querySelector(".hljs-keyword"), null);
  assert.ok(text.isWaiting);
  selection.removeAllRanges();
  assert.equal(text.paintWaiting(), false);
  assert.equal(element.querySelector(".hljs-keyword").textContent, "let");
});

test("invisible characters are marked, and the text stays what it was", () => {
  const { element, text } = code();
  text.set("a\u202eb\n");
  text.set("a\u202eb\nc\u2066\n");
  assert.equal(element.querySelectorAll(".unseen").length, 2);
  assert.equal(text.text, "a\u202eb\nc\u2066\n");
  text.paint([[0, [keyword("a\u202eb"), "\nc\u2066\n"]]]);
  assert.equal(element.querySelectorAll(".unseen").length, 2);
});
