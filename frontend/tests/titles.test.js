import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { cut, titleOf } from "../src/state/titles.js";

const CASES = JSON.parse(readFileSync(new URL("titles.json", import.meta.url), "utf8"));

test("a title is what the server makes of the same text", () => {
  for (const [text, title] of CASES) assert.equal(titleOf(text), title, text);
});

test("a cut parts no character as it is seen", () => {
  const family = "👩‍👩‍👧‍👦";
  assert.equal(cut(`ab${family}`, 4), "ab");
  assert.equal(cut(`ab${family}`, 2 + [...family].length), `ab${family}`);
  assert.equal(cut("🇩🇪🇫🇷", 3), "🇩🇪");
  assert.equal(cut(`e${"\u0301".repeat(9)}`, 5), `e${"\u0301".repeat(4)}`);
});

test("a long text costs no more than its beginning", () => {
  for (const mark of ["**a ", "[a](", "`", "_a ", "~~a", "# ", "<https://", "*a*b"]) {
    assert.equal(titleOf(mark.repeat(250_000)), titleOf(mark.repeat(1000)));
  }
});
