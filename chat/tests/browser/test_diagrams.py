"""Diagrams: drawn on demand in a frame that has nothing of the page."""

from __future__ import annotations

import pytest
from playwright.sync_api import FrameLocator, Locator, Page, expect

from chat.tests.browser.canary import canary
from chat.tests.browser.chatting import PATIENCE, Chat
from chat.tests.live.server import Server, Upstream

pytestmark = pytest.mark.browser

DIAGRAMS = {
    "laid out": "---\nconfig:\n  layout: elk\n---\ngraph TD\n  A --> B[Good]",
    "flowchart": "graph TD\n  A[Start] --> B{Is it so?}\n  B -->|Yes| C[Good]",
    "sequence": "sequenceDiagram\n  Alice->>Bob: Good day\n  Bob-->>Alice: Hi",
    "class": "classDiagram\n  class Good {\n    +int name\n  }\n  Animal <|-- Good",
    "state": "stateDiagram-v2\n  [*] --> Good\n  Good --> [*]",
    "entities": "erDiagram\n  CUSTOMER ||--o{ Good : places",
    "gantt": "gantt\n  dateFormat YYYY-MM-DD\n  section Work\n  Good :a1, 2024-01-01, 3d",
    "pie": 'pie title Pets\n  "Good" : 386\n  "Cats" : 85',
    "mind map": "mindmap\n  root((Good))\n    one\n    two",
    "timeline": "timeline\n  title Good\n  2002 : One\n  2004 : Two",
    "history": 'gitGraph\n  commit id: "Good"\n  branch develop\n  commit',
}

HOSTILE = [
    """%%{init: {"themeCSS": "* { background: url(https://evil.example/d.svg) }"}}%%
graph TD
  A["<img src=https://evil.example/a.png onerror=parent.broken=1>"] --> B["<script>x</script>"]
  click B "https://evil.example/c" _self
  click A href "javascript:parent.broken=2"
  A --> D[The end]""",
    'graph TD\n  C@{ img: "https://evil.example/b.png", label: "Picture" }\n  C --> D',
]

ORIGIN = """() => {
  try { return parent.document.title } catch { return self.origin }
}"""


ATTEMPTS = """async ([own, foreign]) => {
  const image = new Image();
  image.src = `${foreign}/f.png`;
  open(`${foreign}/g`);
  try { top.location = `${foreign}/h` } catch {}
  const form = Object.assign(document.createElement("form"), { action: `${foreign}/i` });
  document.body.append(form);
  form.submit();
  const tries = [
    fetch(own),
    fetch(`${foreign}/e`),
    Promise.resolve().then(() => navigator.serviceWorker.register("/x")),
  ];
  return (await Promise.allSettled(tries)).map(({ status }) => status);
}"""


def opened(page: Page, site: Server, upstream: Upstream, *sources: str) -> Locator:
    chat = Chat(page, site)
    chat.log_in(site.database.add_person("alice"))
    chat.open()
    text = "\n\n".join(f"```mermaid\n{source}\n```" for source in sources)
    upstream.play(f"{text}\n\nThe end.")
    reply = chat.send("Draw")
    chat.ended(reply)
    expect(reply.locator(".code")).to_have_count(len(sources), timeout=PATIENCE)
    return reply


def frame_in(block: Locator) -> FrameLocator:
    return block.frame_locator("iframe.diagram")


def test_every_kind_of_diagram_is_drawn_on_demand(
    page: Page, site: Server, upstream: Upstream
) -> None:
    blocked: list[str] = []
    page.on("console", lambda message: blocked.append(message.text))
    reply = opened(page, site, upstream, *DIAGRAMS.values())
    assert page.locator("iframe").count() == 0
    for index, (name, source) in enumerate(DIAGRAMS.items()):
        block = reply.locator(".code").nth(index)
        block.get_by_role("button", name="Show diagram").click()
        frame = frame_in(block)
        expect(frame.locator("svg").first, name).to_be_visible(timeout=PATIENCE)
        expect(frame.locator("body"), name).to_contain_text("Good", timeout=PATIENCE)
        expect(block.locator("pre")).to_have_text(source.strip())
        assert block.locator("iframe").evaluate("(frame) => frame.offsetHeight") > 60, name
        block.get_by_role("button", name="Hide diagram").click()
        expect(block.locator("iframe")).to_have_count(0)
    assert [text for text in blocked if "Security Policy" in text] == []


def test_a_diagram_has_no_origin_and_asks_nobody(
    page: Page, site: Server, upstream: Upstream, violations: list[str]
) -> None:
    with canary() as foreign:
        sources = [text.replace("https://evil.example", foreign.address) for text in HOSTILE]
        reply = opened(page, site, upstream, *sources)
        blocks = reply.locator(".code")
        for block in blocks.all():
            block.get_by_role("button", name="Show diagram").click()
        body = frame_in(blocks.first).locator("body")
        expect(body).to_contain_text("The end", timeout=PATIENCE)
        for link in body.locator("a").all():
            link.dispatch_event("click")
        inner = next(one for one in page.frames if one.url.endswith("/diagram/"))
        assert inner.evaluate(ORIGIN) == "null"
        assert inner.evaluate(ATTEMPTS, [site.origin, foreign.address]) == ["rejected"] * 3
        page.wait_for_timeout(1000)  # nothing comes of it
        assert foreign.asked == []
        page.request.get(f"{foreign.address}/the-canary-lives")
        assert foreign.asked == ["/the-canary-lives"]
    assert page.evaluate("window.broken") is None
    assert page.url.startswith(site.origin)
    # The frame's policy blocked what the diagram wanted, and nothing was blocked in the page.
    assert violations
    assert [text for text in violations if not text.startswith("/diagram/: ")] == []
    violations.clear()


def test_what_is_no_diagram_is_told_in_a_sentence(
    page: Page, site: Server, upstream: Upstream
) -> None:
    reply = opened(
        page, site, upstream, "graph TD\n  A --> --> B", f"graph TD\n{'  A --> B' * 3000}"
    )
    for block, sentence in zip(
        reply.locator(".code").all(), ("cannot be drawn", "too large"), strict=True
    ):
        block.get_by_role("button", name="Show diagram").click()
        expect(block.locator(".diagram-problem")).to_contain_text(sentence, timeout=PATIENCE)
        expect(block.locator("iframe")).to_have_count(0)
        expect(block.locator("pre")).to_contain_text("A -->")


def test_a_frame_that_does_not_answer_is_removed(
    page: Page, site: Server, upstream: Upstream
) -> None:
    page.route(
        "**/diagram/",
        lambda route: route.fulfill(
            body="<script>parent.postMessage({ type: 'ready' }, '*')</script>",
            content_type="text/html",
        ),
    )
    block = opened(page, site, upstream, DIAGRAMS["pie"]).locator(".code")
    page.clock.install()
    block.get_by_role("button", name="Show diagram").click()
    expect(block.locator("iframe")).to_have_count(1, timeout=PATIENCE)
    page.evaluate("postMessage({ type: 'drawn', height: 3000 }, '*')")  # not from the frame
    for _ in range(20):
        page.clock.run_for(2000)
        if block.locator(".diagram-problem").count():
            break
    expect(block.locator(".diagram-problem")).to_contain_text("too long")
    expect(block.locator("iframe")).to_have_count(0)


def test_a_diagram_follows_the_theme(page: Page, site: Server, upstream: Upstream) -> None:
    block = opened(page, site, upstream, DIAGRAMS["flowchart"]).locator(".code")
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    block.get_by_role("button", name="Show diagram").click()
    body = frame_in(block).locator("body")
    expect(body).to_contain_text("Good", timeout=PATIENCE)
    light = body.evaluate("(body) => getComputedStyle(body).backgroundColor")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    expect(frame_in(block).locator("html")).to_have_attribute(
        "style", "color-scheme: dark;", timeout=PATIENCE
    )
    assert body.evaluate("(body) => getComputedStyle(body).backgroundColor") != light
