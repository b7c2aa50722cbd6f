import assert from "node:assert/strict";
import { before, test } from "node:test";
import { page } from "./page.js";

const { settled, until } = page();
/** @type {typeof import("../src/markdown/markdown-text.js")} */
let module;

before(async () => {
  module = await import("../src/markdown/markdown-text.js");
});

test("a text is shown as written until what draws it is loaded, then drawn once", async () => {
  const host = document.createElement("div");
  document.body.append(host);
  const text = new module.MarkdownText(host);
  text.set("One *two*", false);
  assert.equal(host.textContent, "One *two*");
  assert.ok(host.classList.contains("unread"));
  text.set("One *two* three", false);
  assert.equal(host.textContent, "One *two* three");
  await until(() => host.querySelector("em"));
  await settled();
  assert.equal(host.textContent, "One two three");
  assert.ok(!host.classList.contains("unread"));
  text.set("One *two* three **four**", true);
  await settled();
  assert.equal(host.textContent, "One two three four");
});
