import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { markedText, pieces, quoted } from "../src/lib/bidi.js";
import { page } from "./page.js";

const tags = (text) =>
  [...text].map((c) => String.fromCodePoint(0xe0000 + c.codePointAt(0))).join("");

const CASES = JSON.parse(readFileSync(new URL("unseen.json", import.meta.url), "utf8"));

test("what nobody would see is named as the server names it, and flags stay flags", () => {
  for (const [text, shown] of CASES) assert.equal(markedText(text), shown, JSON.stringify(text));
});

test("what is hidden in tags is one mark, which keeps them", () => {
  assert.deepEqual(pieces(`x${tags("y z")}`), ["x", { mark: "tags: y z", raw: tags("y z") }]);
});

test("a text that comes in parts is marked as the whole is, and found again", async () => {
  page();
  const { GrowingText } = await import("../src/lib/chunks.js");
  const { textOf } = await import("../src/lib/visible-text.js");
  for (const [text, shown] of CASES) {
    const host = document.createElement("p");
    const growing = new GrowingText(host, "");
    for (const character of text) growing.append(character);
    const marks = [...host.childNodes].map((one) =>
      one.nodeName === "SPAN" ? `[${one.textContent}]` : one.textContent,
    );
    assert.equal(marks.join(""), shown, JSON.stringify(text));
    assert.equal(textOf(host), text);
  }
});

test("other texts are the same object of one piece", () => {
  for (const text of ["", "plain", "עברית", "👩‍👩‍👧", "a\u200Fb", "a\u200Db"]) {
    assert.deepEqual(pieces(text), [text]);
  }
});

test("a title from right to left turns nothing around it in a sentence", () => {
  assert.equal(quoted("שלום"), "\u2068שלום\u2069");
  assert.equal(quoted("\u202Eabc"), "[RLO]abc");
  assert.equal(quoted("a \u2068b\u2069"), "a \u2068b\u2069");
  const sentence = quoted(`Rename “${quoted("שלום")}”?`);
  assert.equal(sentence, "Rename “\u2068שלום\u2069”?");
  assert.equal(quoted(`שלום ${quoted("אב")}`), "\u2068שלום אב\u2069");
  assert.equal(quoted("\u2068a\u202Eb\u2069"), "[FSI]a[RLO]b[PDI]");
});
