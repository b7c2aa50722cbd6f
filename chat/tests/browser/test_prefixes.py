"""Every beginning of a text in a real browser: no live HTML, no request, and the same end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Request

from chat.tests.browser.canary import canary
from chat.tests.browser.chatting import Chat, soon
from chat.tests.live.server import Server, Upstream

pytestmark = pytest.mark.browser

CORPUS = Path(__file__).resolve().parents[3] / "frontend" / "tests" / "corpus.js"
"""The texts, which the page's own tests have in common with this one."""

LANES = 24
"""Copies of each text that grow beside each other, each by so many characters at a time.

Each begins one character later than the one before, so that together they show every beginning.
"""

RENDER = """async ([corpus, lanes]) => {
  const module = performance.getEntriesByType("resource")
    .map(({ name }) => name).find((name) => name.includes("/streaming-markdown-"));
  const { StreamingMarkdown } = await import(module);
  const TAGS = new Set(("A BDI BLOCKQUOTE BR BUTTON CODE DEL DETAILS DIV EM H2 H3 H4 H5 H6 HR KBD"
    + " LI MARK OL P PRE SPAN STRONG SUB SUMMARY SUP TABLE TBODY TD TH THEAD TR UL").split(" "));
  const ATTRIBUTES = new RegExp("^(?:align|class|dir|href|rel|role|start|tabindex|target|title|type"
    + "|hidden|aria-.*|data-.*)$");
  const faults = new Set();
  const check = (host) => {
    for (const node of host.querySelectorAll("*")) {
      // Icons of buttons, and formulas as KaTeX makes them.
      if (node.closest("button svg, .formula")) {
        if (node.namespaceURI.endsWith("xhtml") && !/^(?:SPAN|DIV)$/.test(node.nodeName)) {
          faults.add(`${node.nodeName} in a formula`);
        }
      } else if (!TAGS.has(node.nodeName)) faults.add(node.nodeName);
      for (const { name, value } of node.attributes) {
        const isOwn = node.closest("button svg, .formula");
        if (isOwn ? /^on|href|src/i.test(name) : !ATTRIBUTES.test(name)) faults.add(name);
        if (name === "href" && !/^(?:https?:\\/\\/|mailto:)/i.test(value)) faults.add(value);
      }
    }
  };
  const place = document.createElement("div");
  place.id = "growing";
  document.body.append(place);
  const stream = () => {
    const host = document.createElement("div");
    host.className = "markdown";
    place.append(host);
    return { host, view: new StreamingMarkdown(host) };
  };
  const drawn = async (view) => {
    do await new Promise(requestAnimationFrame); while (!view.isDrawn);
  };
  let beginnings = 0;
  const grow = async (text, lane) => {
    const { host, view } = stream();
    for (let end = lane; end < text.length; end += lanes) {
      view.set(text.slice(0, end), false);
      await drawn(view);
      check(host);
      beginnings += 1;
    }
    view.set(text, true);
    await drawn(view);
    return host;
  };
  const ends = [];
  for (const [name, text] of Object.entries(corpus)) {
    const whole = stream();
    whole.view.set(text, true);
    await drawn(whole.view);
    check(whole.host);
    const grown = Array.from({ length: lanes }, (_, i) => grow(text, i + 1));
    ends.push({ name, whole: whole.host, grown: await Promise.all(grown) });
    // A whole text that ends anywhere, as a stopped reply does.
    for (let end = 1; end < text.length; end += 5) {
      const cut = stream();
      cut.view.set(text.slice(0, end), true);
      check(cut.host);
      cut.host.remove();
    }
  }
  window.ends = ends;
  return { faults: [...faults], beginnings };
}"""

# Colours and formulas come later by themselves.
UNEQUAL = """() => window.ends.flatMap(({ name, whole, grown }) => grown
  .filter((one) => !one.isEqualNode(whole))
  .map((one) => [name, one.innerHTML, whole.innerHTML]))"""


def test_every_beginning_is_harmless_and_the_end_is_that_of_the_whole(
    page: Page, site: Server, upstream: Upstream
) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    chat = Chat(page, site)
    chat.log_in(site.database.add_person("alice"))
    chat.open()
    upstream.play("# One\n\n$x$ and `code`.")
    chat.ended(chat.send("Load what draws Markdown"))
    page.on("request", note)
    page.evaluate(CORPUS.read_text().replace("export const CORPUS =", "window.corpus ="))
    corpus: dict[str, str] = page.evaluate("window.corpus")
    with canary() as foreign:
        texts = {
            name: text.replace("https://canary.example", foreign.address)
            for name, text in corpus.items()
        }
        seen: dict[str, Any] = page.evaluate(RENDER, [texts, LANES])
        assert seen["faults"] == []
        # JavaScript counts UTF-16 units, the last of which is the end.
        units = sum(len(text.encode("utf-16-le")) // 2 - 1 for text in texts.values())
        assert seen["beginnings"] == units
        soon(lambda: page.evaluate(UNEQUAL) == [])
        assert foreign.asked == []
    assert [url for url in asked if not url.startswith((site.origin, "blob:"))] == []
