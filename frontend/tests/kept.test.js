/** The bounds of what stays in memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Kept, MOST, MOST_TEXT } from "../src/state/kept.js";

test("the one shown longest ago goes beyond the most", () => {
  const kept = new Kept();
  for (let n = 0; n < MOST; n++) assert.deepEqual(kept.add(`c${n}`, 1), []);
  assert.deepEqual(kept.add("c0", 1), [], "it is there already");
  assert.deepEqual(kept.add("new", 1), ["c1"]);
  kept.take("c2");
  assert.deepEqual(kept.add("newer", 1), []);
});

test("texts count, and one that is too large alone is not kept", () => {
  const kept = new Kept();
  kept.add("a", MOST_TEXT / 2);
  kept.add("b", MOST_TEXT / 2);
  assert.deepEqual(kept.add("c", 1), ["a"]);
  assert.deepEqual(kept.add("huge", MOST_TEXT + 1), ["b", "c", "huge"]);
});
