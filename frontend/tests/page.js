/** A document for tests of what is drawn. */
import assert from "node:assert/strict";
import { JSDOM } from "jsdom";

const NAMES = [
  "document",
  "DOMParser",
  "HTMLElement",
  "Text",
  "Node",
  "requestAnimationFrame",
  "cancelAnimationFrame",
];

export function page() {
  const { window } = new JSDOM("<!doctype html>", { pretendToBeVisual: true });
  for (const name of NAMES) globalThis[name] = window[name];
  globalThis.window = window;
  const tick = () => new Promise((resolve) => setTimeout(resolve, 1));
  /** Frames as fast as this machine can: how long they take is not what is tested. @type {{id: number, act: () => void}[]} */
  let frames = [];
  let lastId = 0;
  globalThis.requestAnimationFrame = (act) => {
    lastId += 1;
    frames.push({ id: lastId, act });
    return lastId;
  };
  globalThis.cancelAnimationFrame = (id) => {
    frames = frames.filter((one) => one.id !== id);
  };
  async function frame() {
    await tick();
    const now = frames;
    frames = [];
    for (const { act } of now) act();
    return now.length;
  }

  /** Waits until the DOM has come to this. */
  async function until(isSo) {
    for (let left = 3000; left > 0; left--) {
      if (isSo()) return;
      await frame();
    }
    assert.fail("the DOM did not come to this");
  }

  /** Waits until nothing more is drawn. */
  async function settled() {
    for (let still = 0; still < 60; ) still = (await frame()) ? Math.max(50, 0) : still + 1;
  }
  return { frame, until, settled };
}
