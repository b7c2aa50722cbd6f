/** Every beginning of a text is harmless, and its growth ends where the whole text does. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { CORPUS } from "./corpus.js";
import { page } from "./page.js";

const { frame, settled } = page();
/** @type {typeof import("../src/markdown/streaming-markdown.js")} */
let streamed;

before(async () => {
  streamed = await import("../src/markdown/streaming-markdown.js");
});

function stream() {
  const host = document.createElement("div");
  host.className = "markdown";
  document.body.append(host);
  return { host, view: new streamed.StreamingMarkdown(host) };
}

/** All that a text may become, and nothing that loads, runs or submits. */
const TAGS = new Set(
  `A BDI BLOCKQUOTE BR BUTTON CODE DEL DETAILS DIV EM H2 H3 H4 H5 H6 HR KBD LI MARK OL P PRE SPAN
   STRONG SUB SUMMARY SUP TABLE TBODY TD TH THEAD TR UL`.split(/\s+/),
);
const ATTRIBUTES = new Set(
  `align aria-label aria-level aria-pressed class dir href rel role start tabindex target title type
   data-coloured data-depth data-host data-href data-label data-language data-note data-text hidden`.split(
    /\s+/,
  ),
);
/** Icons of buttons, and formulas as KaTeX makes them. */
const OWN = "svg, svg *, .formula, .formula *";

function assertHarmless(host, text) {
  for (const element of host.querySelectorAll("*")) {
    if (element.matches(OWN)) {
      assert.ok(element.closest("button, .formula"), text);
      continue;
    }
    assert.ok(TAGS.has(element.nodeName), `${element.nodeName} in ${text}`);
    for (const { name, value } of element.attributes) {
      assert.ok(ATTRIBUTES.has(name), `${name}=${value} in ${text}`);
      if (name === "href") assert.match(value, /^(?:https?:\/\/|mailto:)/i);
    }
  }
}

/** The structure without what comes later by itself: formulas and colours. */
function structure(host) {
  const copy = host.cloneNode(true);
  for (const place of copy.querySelectorAll(".math-source, .formula")) place.remove();
  for (const code of copy.querySelectorAll("pre > code")) {
    code.replaceChildren(code.textContent);
    delete code.dataset.coloured;
  }
  return copy;
}

for (const [name, text] of Object.entries(CORPUS)) {
  test(`every beginning of a text is harmless, and its end that of the whole: ${name}`, async () => {
    const whole = stream();
    whole.view.set(text, true);
    await settled();
    assertHarmless(whole.host, text);
    const { host, view } = stream();
    for (let end = 1; end < text.length; end++) {
      view.set(text.slice(0, end), false);
      await frame();
      assertHarmless(host, text.slice(0, end));
    }
    view.set(text, true);
    await settled();
    const [grown, expected] = [structure(host), structure(whole.host)];
    // The order of attributes may differ.
    if (!grown.isEqualNode(expected)) assert.equal(grown.innerHTML, expected.innerHTML);
  });
}

test("every beginning, shown as a whole text, is harmless too", async () => {
  for (const text of Object.values(CORPUS)) {
    for (let end = 1; end < text.length; end += 7) {
      const { host, view } = stream();
      view.set(text.slice(0, end), true);
      await frame();
      assertHarmless(host, text.slice(0, end));
      host.remove();
    }
  }
});
