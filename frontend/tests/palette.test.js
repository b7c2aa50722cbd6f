/** The choice of entries by typed words. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { matches } from "../src/state/palette.js";

const entries = [
  "Über den Fluss",
  "Recipe for soup",
  "Soup of the day",
  "Straßenbahn",
  "árvíz",
].map((label) => ({ label }));
const labels = (typed, most = 10) => matches(entries, typed, most).map(({ label }) => label);

test("all are there while nothing is typed, in their order and up to the most", () => {
  assert.deepEqual(labels("", 2), ["Über den Fluss", "Recipe for soup"]);
  assert.deepEqual(labels("  ", 1), ["Über den Fluss"]);
});

test("case, accents and composition do not count", () => {
  for (const typed of ["über", "UBER", "u\u0308ber", "fluß"]) {
    assert.deepEqual(labels(typed), ["Über den Fluss"], typed);
  }
  assert.deepEqual(labels("strasse"), ["Straßenbahn"]);
  assert.deepEqual(labels("ARVIZ"), ["árvíz"]);
});

test("begins come before words within, and those before parts of words", () => {
  assert.deepEqual(labels("soup"), ["Soup of the day", "Recipe for soup"]);
  assert.deepEqual(labels("bahn"), ["Straßenbahn"]);
  assert.deepEqual(labels("s"), [
    "Soup of the day",
    "Straßenbahn",
    "Recipe for soup",
    "Über den Fluss",
  ]);
});

test("every word must be met, in any order and in the hidden words, too", () => {
  assert.deepEqual(labels("soup recipe"), ["Recipe for soup"]);
  assert.deepEqual(labels("soup nothing"), []);
  assert.equal(matches([{ label: "GPT", words: "openai/gpt" }], "openai", 5).length, 1);
});

test("a label is folded once, whatever is typed", () => {
  let reads = 0;
  const entry = {
    get label() {
      reads += 1;
      return "Title";
    },
  };
  for (const typed of ["t", "ti", "tit"]) matches([entry], typed, 5);
  assert.equal(reads, 1);
});
