import assert from "node:assert/strict";
import { test } from "node:test";
import { EnterKey } from "../src/views/enter-key.js";

const press = (key, more = {}) => ({
  ...{ key, keyCode: key === "Enter" ? 13 : 65, isComposing: false },
  ...{ shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, ...more },
});
const shift = { shiftKey: true };

test("Enter sends where one points with a mouse, and with Shift, Ctrl or Alt it does not", () => {
  const keys = new EnterKey(() => false);
  assert.equal(keys.sends(press("Enter")), true);
  for (const held of ["shiftKey", "ctrlKey", "altKey"]) {
    assert.equal(keys.sends(press("Enter", { [held]: true })), false, held);
  }
});

test("Enter breaks the line on a touch keyboard, however much was typed", () => {
  const keys = new EnterKey(() => true);
  for (const key of ["L", "i", "Unidentified", "Backspace"]) keys.sends(press(key));
  assert.equal(keys.sends(press("Enter")), false);
  // Capitals that come as such are no sign of a Shift key.
  keys.sends(press("L", shift));
  assert.equal(keys.sends(press("Enter")), false);
});

test("a keyboard at a touch screen is known by a letter with a held key, and then Enter sends", () => {
  const keys = new EnterKey(() => true);
  keys.sends(press("Shift", shift));
  assert.equal(keys.sends(press("Enter", shift)), false);
  assert.equal(keys.sends(press("Enter")), false, "Shift+Enter alone says nothing");
  keys.sends(press("Shift", shift));
  keys.sends(press("L", shift));
  assert.equal(keys.sends(press("Enter")), true);
  keys.touched();
  assert.equal(keys.sends(press("Enter")), false, "the screen was touched since");
});

test("the pointer is asked anew at each Enter: a mouse may be plugged in", () => {
  let isTouch = true;
  const keys = new EnterKey(() => isTouch);
  assert.equal(keys.sends(press("Enter")), false);
  isTouch = false;
  assert.equal(keys.sends(press("Enter")), true);
});

test("Enter that chooses a word of an input method sends nothing", () => {
  const keys = new EnterKey(() => false);
  assert.equal(keys.sends(press("Enter", { isComposing: true })), false);
  assert.equal(keys.sends(press("Enter", { keyCode: 229 })), false);
});
