"""Model text is hostile: whatever it says, it does nothing."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Request, expect

from chat.tests.browser.chatting import PATIENCE, Chat
from chat.tests.live.server import Server, Upstream

pytestmark = pytest.mark.browser

HOSTILE = """<script>window.broken = 1</script>
<img src=x onerror="window.broken = 2">
<svg onload="window.broken = 3"></svg>
<iframe src="javascript:window.parent.broken = 4"></iframe>
<style>body { display: none }</style>
<form action="https://evil.example/"><input name="q"><button>Send</button></form>
<a href="javascript:window.broken = 5" id="composer">click</a>
<math><mtext><img src=x onerror="window.broken = 6"></mtext></math>
<details open ontoggle="window.broken = 7"><summary>more</summary></details>
<meta http-equiv="refresh" content="0;url=https://evil.example/">
<base href="https://evil.example/">

[one](javascript:window.broken=8) [two](JaVaScRiPt:window.broken=9)
[three](data:text/html,<script>window.broken=10</script>) [four](vbscript:x)
[five](&#106;avascript:window.broken=11) [six](https://evil.example/?"onmouseover="window.broken=12)

![a picture](https://evil.example/pixel.png) ![another](//evil.example/pixel.png "t")

```html" onmouseover="window.broken = 13
</code></pre><script>window.broken = 14</script>
```

$\\href{javascript:window.broken=15}{x}$ $\\includegraphics{https://evil.example/x.png}$

> [!NOTE]
> <img src=https://evil.example/n.png> ![x](https://evil.example/d.png) <kbd onclick=x>k</kbd>

<details><summary><img src=https://evil.example/s.png onerror="window.broken = 16"></summary>
<script>window.broken = 17</script> <mark><img src=https://evil.example/m.png></mark>
</details>

The end.
"""


def test_hostile_markdown_is_harmless(page: Page, site: Server, upstream: Upstream) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("request", note)
    page.on("dialog", lambda dialog: asked.append(dialog.message))
    chat = Chat(page, site)
    chat.log_in(site.database.add_person("alice"))
    chat.open()
    upstream.play(HOSTILE, rate=0, splits=[*range(7, len(HOSTILE), 7)])
    reply = chat.send("Be evil")
    chat.ended(reply)
    expect(reply).to_contain_text("The end.", timeout=PATIENCE)
    for link in reply.locator(".markdown a").all():
        href = link.get_attribute("href") or ""
        assert href.startswith("https://"), href
        link.hover()
    for tag in ("script", "img", "iframe", "style", "form", "input", "meta", "base", "object"):
        assert reply.locator(f".markdown {tag}").count() == 0, tag
    assert page.evaluate("window.broken") is None
    handlers = """[...document.querySelectorAll("article *")].flatMap(
        (node) => node.getAttributeNames().filter((name) => name.startsWith("on")))"""
    assert page.evaluate(handlers) == []
    page.reload()
    expect(reply).to_contain_text("The end.")
    assert page.evaluate("window.broken") is None
    assert [url for url in asked if not url.startswith(site.origin)] == []
    expect(chat.message).to_be_visible()


@pytest.mark.parametrize(
    "text",
    [
        "> " * 5000 + "deep",
        "- " * 3000 + "deep",
        "[" * 20_000 + "deep",
        "*" * 20_000 + "deep",
        "<div>" * 20_000 + "deep",
        "$" + "{" * 3000 + "deep" + "}" * 3000 + "$",
        "| " * 3000 + "\n" + "|-" * 3000 + "\ndeep",
    ],
    ids=["quotes", "lists", "brackets", "stars", "tags", "math", "table"],
)
def test_huge_nesting_is_shown_and_the_page_lives(
    page: Page, site: Server, upstream: Upstream, text: str
) -> None:
    chat = Chat(page, site)
    chat.log_in(site.database.add_person("alice"))
    chat.open()
    upstream.play(text, splits=[len(text) // 2])
    reply = chat.send("Go deep")
    chat.ended(reply)
    expect(reply).to_contain_text("deep")
    upstream.play("Still here.")
    expect(chat.send("And now?")).to_contain_text("Still here.", timeout=PATIENCE)


def test_title_and_own_message_are_text(page: Page, site: Server) -> None:
    chat = Chat(page, site)
    chat.log_in(site.database.add_person("alice"))
    chat.open()
    text = '<img src=x onerror="window.broken=1"> </script> {{ 7*7 }}'
    chat.ended(chat.send(text))
    page.reload()
    expect(chat.mine).to_contain_text(text)
    expect(page.get_by_role("heading", level=1)).to_contain_text("<img src=x")
    assert page.evaluate("window.broken") is None
