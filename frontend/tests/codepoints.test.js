import assert from "node:assert/strict";
import { test } from "node:test";
import { count, drop } from "../src/lib/codepoints.js";

const TEXTS = [
  "",
  "plain",
  "e\u0301a",
  "👍🏽",
  "👩‍👩‍👧‍👦 x",
  "a\ud83d",
  "\ude00b",
  "\ud83d\ud83d\ude00",
];

test("counts what the iterator of a string counts", () => {
  for (const text of TEXTS) assert.equal(count(text), [...text].length, JSON.stringify(text));
});

test("drops code points, never half of a pair", () => {
  for (const text of TEXTS) {
    for (let n = 0; n <= [...text].length + 1; n++) {
      assert.equal(drop(text, n), [...text].slice(n).join(""), `${JSON.stringify(text)} ${n}`);
    }
  }
});
