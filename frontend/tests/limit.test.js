/** The size of a message beside the limit. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { partNear, partOf } from "../src/state/limit.js";

/** A frame with room for so many bytes. */
const room = (bytes) => bytes + 1024;

test("nothing is said far below the limit, in whatever script", () => {
  assert.equal(partNear("", room(102)), null);
  assert.equal(partNear("a".repeat(89), room(102)), null);
  assert.equal(partNear("é".repeat(44), room(102)), null);
});

test("bytes count as in the frame, with their escapes", () => {
  assert.equal(partNear("a".repeat(98), room(100)), 1);
  assert.equal(partNear("é".repeat(49), room(100)), 1);
  assert.equal(partNear("\n".repeat(49), room(100)), 1);
  assert.equal(partNear("\u0000".repeat(17), room(100)), 1.04);
  assert.equal(partOf("👍".repeat(26), room(106)), 1);
});
