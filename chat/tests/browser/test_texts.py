"""Strange and long texts on the page: structure and layout, no times."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from chat.tests.browser.chatting import PATIENCE, Chat
from chat.tests.live.server import Server, Upstream

pytestmark = pytest.mark.browser

BOTH_WAYS = """טקסט ראשון בעברית.

An English line (with brackets).

`./go.sh -x` פקודה

```js
let n = 5;
```

- עברית
- English

1. أول
2. ثان

The end \u202eof it, **「重要」**です.

| Name | Description of what it does | Default value | Since |
|---|---|---|---|
| `timeout` | Seconds until it gives up, and says so | 30 | 1.4 |
"""

SEEN = """(root) => {
  const direction = (selector) =>
    [...root.querySelectorAll(selector)].map((node) => getComputedStyle(node).direction);
  const marks = [...root.querySelectorAll("li")].map((item) => {
    const [list, own] = [item.parentElement, item].map((node) => node.getBoundingClientRect());
    const isRight = getComputedStyle(item).direction === "rtl";
    return isRight ? list.right - own.right : own.left - list.left;
  });
  const table = root.querySelector("table");
  return {
    paragraphs: direction(":scope > p"),
    code: direction("pre, code"),
    isolated: [...root.querySelectorAll("code")].map((n) => getComputedStyle(n).unicodeBidi),
    roomForMarks: marks.every((room) => room >= 16),
    columns: [...table.rows[1].cells].map((cell) => cell.getBoundingClientRect().width),
    scrolls: document.documentElement.scrollWidth > innerWidth,
  };
}"""


def test_directions_marks_and_tables_on_a_narrow_page(
    page: Page, site: Server, upstream: Upstream
) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    chat = Chat(page, site)
    chat.log_in(site.database.add_person("alice"))
    chat.open()
    upstream.play(BOTH_WAYS, splits=[40, 90, 200])
    reply = chat.send("Both ways")
    chat.ended(reply)
    expect(reply.locator("table")).to_be_visible(timeout=PATIENCE)
    seen: dict[str, Any] = reply.locator("> .markdown").evaluate(SEEN)
    assert seen["paragraphs"] == ["rtl", "ltr", "rtl", "ltr"]
    assert set(seen["code"]) == {"ltr"}
    assert all(value.startswith("isolate") for value in seen["isolated"])
    assert seen["roomForMarks"]
    assert min(seen["columns"]) >= 60
    assert not seen["scrolls"]
    expect(reply.locator(".unseen")).to_have_text("RLO")
    expect(reply.locator("strong")).to_have_text("「重要」")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.emulate_media(media="print")
    assert reply.locator("button:visible").count() == 0
    scheme = "getComputedStyle(document.documentElement).colorScheme"
    assert page.evaluate(scheme) == "light"  # on paper the text is dark
    page.emulate_media(media="screen")


GROWING = "First words of it.\n\nThe second block is being read, and "


def test_a_selection_survives_what_grows_around_it(
    page: Page, site: Server, upstream: Upstream
) -> None:
    chat = Chat(page, site)
    chat.log_in(site.database.add_person("alice"))
    chat.open()
    rest = "**goes** on.\n\n```js\nlet a;\n```\n\n" + "More words. " * 60
    upstream.play(GROWING + rest, rate=40)
    reply = chat.send("Grow")
    expect(reply).to_contain_text("is being read", timeout=PATIENCE)
    page.evaluate("""() => {
        const words = document.createTreeWalker(document.querySelector(".reply > .markdown"), 4);
        while (words.nextNode()) if (words.currentNode.data.includes("block is being")) break;
        const at = words.currentNode.data.indexOf("block");
        getSelection().setBaseAndExtent(words.currentNode, at, words.currentNode, at + 14);
    }""")
    chat.ended(reply)
    expect(reply.locator(".hljs-keyword")).to_have_count(1, timeout=PATIENCE)
    assert page.evaluate("String(getSelection())") == "block is being"


COUNT_ADDED = """
window.mostAdded = 0;
new MutationObserver((records) => {
  let added = 0;
  for (const { addedNodes } of records) {
    for (const node of addedNodes) {
      if (node instanceof Element) added += 1 + node.querySelectorAll("*").length;
    }
  }
  window.mostAdded = Math.max(window.mostAdded, added);
}).observe(document, { childList: true, subtree: true });
"""

DRAWN = """(root) => ({
  most: window.mostAdded,
  marks: root.textContent.match(/a/g)?.length,
  lengths: [...root.querySelectorAll(":scope > .plain")].map((one) => one.textContent.length),
  blocks: root.children.length,
  laidOutApart: [...root.querySelectorAll(":scope > .plain, .chunk")].every(
    (one) => getComputedStyle(one).contentVisibility === "auto",
  ),
})"""

LONG = {
    "items": "- a\n" * 30_000,
    "formulas": "\\[ a\n" * 30_000,
    "headings": "# *a*\n" * 20_000,
    "one line": "_a *" * 30_000,
}


def test_long_hostile_texts_come_in_slices_to_the_page_and_the_transcript(
    page: Page, site: Server, upstream: Upstream
) -> None:
    chat = Chat(page, site)
    chat.log_in(site.database.add_person("root", staff=True, superuser=True))
    page.add_init_script(COUNT_ADDED)
    for name, text in LONG.items():
        chat.open()
        # Cut so that no piece begins with all before it, as one would that tells the text so far.
        upstream.play(text + "\n\nThe end.", splits=[3, len(text) // 2])
        chat.ended(chat.send(name))
        uid = UUID(chat.conversation).hex
        (row,) = site.database.rows("SELECT id FROM chat_conversation WHERE uid = ?", uid)
        for path, selector in (
            (f"/c/{UUID(uid)}", ".reply > .markdown:not(.unread)"),
            (f"/admin/chat/conversation/{row['id']}/change/", "#transcript .assistant > .markdown"),
        ):
            page.goto(site.origin + path)
            drawn = page.locator(selector)
            expect(drawn.locator("> *").last).to_contain_text("The end.", timeout=PATIENCE)
            seen: dict[str, Any] = drawn.evaluate(DRAWN)
            assert seen["most"] < 1000, (name, path, seen["most"])
            assert seen["marks"] == text.count("a"), (name, path)
            # Beyond the budget it is plain text, in chunks.
            assert sum(seen["lengths"]) > len(text) / 2, (name, path)
            assert max(seen["lengths"]) < 20_000, (name, path)
            assert seen["blocks"] < 1200, (name, path)
            assert seen["laidOutApart"], (name, path)
    chat.open()
    upstream.play("Still here.")
    expect(chat.send("And now?")).to_contain_text("Still here.", timeout=PATIENCE)
