/** The table of keys: what is pressed, and how it is written. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { ariaKey, isKey, KEYS, keyCaps, keyText } from "../src/views/keys.js";

const on = (platform) =>
  Object.defineProperty(globalThis, "navigator", { value: { platform }, configurable: true });
const press = (key, more = {}) => ({
  key,
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  altKey: false,
  isComposing: false,
  ...more,
});

beforeEach(() => on("Linux x86_64"));

test("Ctrl and ⌘ are the same key", () => {
  assert.ok(isKey("palette", press("k", { ctrlKey: true })));
  assert.ok(isKey("palette", press("K", { metaKey: true })));
  assert.ok(!isKey("palette", press("k")));
  assert.ok(!isKey("palette", press("k", { ctrlKey: true, altKey: true })));
  assert.ok(!isKey("palette", press("k", { ctrlKey: true, shiftKey: true })));
});

test("a sign counts with Shift and without, a letter and a named key do not", () => {
  assert.ok(isKey("keys", press("?", { shiftKey: true })) && isKey("keys", press("?")));
  assert.ok(isKey("newChat", press("O", { ctrlKey: true, shiftKey: true })));
  assert.ok(!isKey("newChat", press("o", { ctrlKey: true })));
  assert.ok(!isKey("send", press("Enter", { shiftKey: true })));
});

test("keys of an input method are none of ours", () => {
  assert.ok(!isKey("stop", press("Escape", { isComposing: true })));
});

test("keys are written as they are on the keyboard", () => {
  assert.equal(keyText("newChat"), "Ctrl+Shift+O");
  assert.equal(ariaKey("newChat"), "Control+Shift+O Meta+Shift+O");
  assert.equal(ariaKey("stop"), "Escape");
  assert.deepEqual(keyCaps(KEYS.editLast), ["↑"]);
  on("MacIntel");
  assert.equal(keyText("newChat"), "⌘⇧O");
});

test("no key has two meanings in one place", () => {
  const seen = Object.values(KEYS).map(({ key, where, isMain, isShift }) =>
    [key, where, isMain, isShift].join(" "),
  );
  assert.equal(new Set(seen).size, seen.length);
});
