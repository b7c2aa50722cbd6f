"""The chat page against the real server: write, read, stop, go on, come back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from chat.tests.browser.chatting import PATIENCE, Chat, numbered, soon, stored
from chat.tests.live.database import Person
from chat.tests.live.server import Server, Upstream

pytestmark = pytest.mark.browser

MARKDOWN = """## A heading

Some **bold** words and `code`, a [link](https://example.com/) and 👍.

| a | b |
|---|---|
| 1 | 2 |

```python
def answer() -> int:
    return 42
```

- one
- two
"""


@pytest.fixture
def person(site: Server) -> Person:
    return site.database.add_person("alice", password="Kestrel-42-lamp")


@pytest.fixture
def chat(page: Page, site: Server, person: Person) -> Iterator[Chat]:
    """Her chat page; a test fails if it writes an error to the console."""
    problems: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # Over plain http Chromium says that it ignores a header meant for https: so it should.
        if message.type == "error" and "Cross-Origin-Opener-Policy" not in message.text:
            problems.append(f"{message.text} ({message.location})")

    page.on("console", heard)
    chat = Chat(page, site)
    chat.log_in(person)
    yield chat
    assert problems == []


def test_log_in_and_chat(page: Page, site: Server, person: Person, upstream: Upstream) -> None:
    chat = Chat(page, site)
    page.goto(site.origin)
    page.get_by_label("Username").fill(person.name)
    page.get_by_label("Password").fill("Kestrel-42-lamp")
    page.get_by_role("button", name="Log in").click()
    expect(chat.message).to_be_focused()
    upstream.play(MARKDOWN)
    reply = chat.send("Show me *everything*")
    chat.ended(reply)
    expect(chat.mine).to_have_count(1)
    expect(chat.mine).to_contain_text("Show me *everything*")  # what people write is plain text
    expect(reply.get_by_role("heading", name="A heading")).to_be_visible()
    expect(reply.locator("strong")).to_have_text("bold")
    expect(reply.get_by_role("cell", name="2")).to_be_visible()
    expect(reply.get_by_role("listitem")).to_have_text(["one", "two"])
    expect(reply.locator("pre")).to_contain_text("return 42")
    expect(reply.locator("pre span").first).to_be_visible()  # highlighted
    link = reply.get_by_role("link", name="link")
    expect(link).to_have_attribute("href", "https://example.com/")
    assert "noopener" in (link.get_attribute("rel") or "")
    expect(chat.list.get_by_role("link", name="Show me *everything*")).to_be_visible()
    assert stored(site, chat.conversation) == ["Show me *everything*", MARKDOWN]
    page.reload()
    expect(reply.get_by_role("heading", name="A heading")).to_be_visible()


def test_stop_keeps_what_is_shown_and_continue_goes_on(
    chat: Chat, site: Server, upstream: Upstream
) -> None:
    chat.open()
    upstream.play(numbered(2000), rate=100)
    reply = chat.send("Count")
    chat.grows(reply, 3)
    chat.stop.click()
    chat.ended(reply)
    expect(reply).to_contain_text("Stopped.")
    expect(chat.stop).to_be_hidden()
    kept = stored(site, chat.conversation)[1]
    chat.shows(reply, kept.strip())
    assert numbered(2000).startswith(kept)
    upstream.play("... and so on.")
    reply.get_by_role("button", name="Continue").click()
    expect(reply).to_contain_text("... and so on.", timeout=PATIENCE)
    chat.ended(reply)
    expect(reply.get_by_role("button", name="Continue")).to_have_count(0)
    assert stored(site, chat.conversation) == ["Count", f"{kept}... and so on."]


def test_failed_reply_says_why_and_retry_works(
    chat: Chat, site: Server, upstream: Upstream
) -> None:
    chat.open()
    chat.choose("status?code=401")
    reply = chat.send("Hello")
    expect(reply).to_contain_text("refused the API key.", timeout=PATIENCE)
    upstream.play("Here I am.")
    reply.get_by_role("button", name="Retry", exact=True).click()
    expect(reply).to_contain_text("Here I am.", timeout=PATIENCE)
    expect(reply).not_to_contain_text("refused")
    assert soon(lambda: stored(site, chat.conversation)) == ["Hello", "Here I am."]


def test_reload_in_mid_reply_goes_on_where_it_is(
    chat: Chat, site: Server, upstream: Upstream
) -> None:
    chat.open()
    upstream.play(numbered(60), rate=150)
    reply = chat.send("Count")
    for words in (5, 20, 35):
        chat.grows(reply, words)
        chat.page.reload()
    chat.ended(reply)
    chat.shows(reply, numbered(60))
    assert stored(site, chat.conversation) == ["Count", numbered(60)]


def test_two_tabs_show_the_same_live(
    chat: Chat, context: BrowserContext, site: Server, upstream: Upstream
) -> None:
    chat.open()
    upstream.play(numbered(60), rate=150)
    reply = chat.send("Count")
    chat.grows(reply, 5)
    other = Chat(context.new_page(), site)
    other.open(f"/c/{chat.conversation}")
    other.grows(other.replies.first, 20)
    for tab in (chat, other):
        tab.ended(tab.replies.first)
        tab.shows(tab.replies.first, numbered(60))
    upstream.play("Written in the other tab.")
    other.send("And more")
    expect(chat.mine.last).to_contain_text("And more")
    expect(chat.replies.last).to_contain_text("Written in the other tab.", timeout=PATIENCE)


def test_what_is_sent_meanwhile_waits_visibly(chat: Chat, site: Server, upstream: Upstream) -> None:
    chat.open()
    upstream.play(numbered(2000), rate=100)
    first = chat.send("One")
    chat.grows(first, 1)
    second = chat.send("Two")
    expect(second).to_contain_text("Waiting for the reply above.")
    upstream.play("It is my turn.")
    chat.stop.click()
    expect(second).to_contain_text("It is my turn.", timeout=PATIENCE)
    texts = stored(site, chat.conversation)
    assert (texts[0], texts[2], len(texts)) == ("One", "Two", 4)


def test_rename_and_delete(chat: Chat, site: Server) -> None:
    chat.open()
    chat.ended(chat.send("Something to rename"))
    page, uid = chat.page, chat.conversation
    page.get_by_role("button", name="Conversation options").click()
    page.get_by_role("menuitem", name="Rename").click()
    title = page.get_by_role("dialog").get_by_label("Title")
    expect(title).to_have_value("Something to rename")
    title.fill("<b>A better</b> name")
    title.press("Enter")
    link = chat.list.get_by_role("link", name="<b>A better</b> name")
    expect(link).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("<b>A better</b> name")
    page.reload()
    expect(link).to_be_visible()
    page.get_by_role("button", name="Conversation options").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(link).to_have_count(0)
    expect(chat.replies).to_have_count(0)
    page.wait_for_url(f"{site.origin}/")
    page.get_by_role("button", name="Undo").click()
    page.wait_for_url(f"**/c/{uid}")
    expect(chat.replies).to_have_count(1)
    expect(link).to_be_visible()
    page.get_by_role("button", name="Conversation options").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(link).to_have_count(0)
    page.wait_for_url(f"{site.origin}/")


def test_conversation_goes_on_from_a_reply_in_a_new_one(
    chat: Chat, site: Server, upstream: Upstream
) -> None:
    chat.open()
    for answer in ["The first answer.", "The second answer."]:
        upstream.play(answer)
        chat.ended(chat.send("Tell me"))
    before = chat.conversation
    button = "Branch from here"
    chat.replies.first.get_by_role("button", name=button).click()
    chat.page.wait_for_url(lambda url: "/c/" in url and before not in url)
    expect(chat.replies).to_have_count(1)
    chat.shows(chat.replies.first, "The first answer.")
    upstream.play("Another second answer.")
    chat.shows(chat.send("And now?"), "Another second answer.")
    assert stored(site, chat.conversation)[1::2] == ["The first answer.", "Another second answer."]
    assert stored(site, before)[1::2] == ["The first answer.", "The second answer."]


def test_feedback_is_given_changed_and_removed(chat: Chat, upstream: Upstream) -> None:
    chat.open()
    upstream.play("The answer.")
    reply = chat.send("Tell me")
    chat.ended(reply)
    good = reply.get_by_role("button", name="Good reply")
    bad = reply.get_by_role("button", name="Bad reply")
    good.click()
    expect(good).to_have_attribute("aria-pressed", "true")  # without more being said
    dialog = chat.page.get_by_role("dialog", name="Good reply")
    dialog.get_by_role("button", name="Cancel").click()
    bad.click()
    dialog = chat.page.get_by_role("dialog", name="Bad reply")
    dialog.get_by_label("Outdated").check()
    dialog.get_by_label("In your words").fill("It was in May.")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    chat.page.reload()
    expect(bad).to_have_attribute("aria-pressed", "true")
    expect(good).to_have_attribute("aria-pressed", "false")
    bad.click()
    expect(dialog.get_by_label("Outdated")).to_be_checked()
    expect(dialog.get_by_label("In your words")).to_have_value("It was in May.")
    dialog.get_by_role("button", name="Remove").click()
    expect(bad).to_have_attribute("aria-pressed", "false")


def test_keyboard_alone_is_enough(chat: Chat, site: Server, upstream: Upstream) -> None:
    chat.open()
    page, keys = chat.page, chat.page.keyboard
    expect(chat.message).to_be_focused()
    keys.type("First line")
    keys.press("Shift+Enter")
    keys.type("second line")
    upstream.play(numbered(2000), rate=100)
    keys.press("Enter")
    reply = chat.replies.first
    chat.grows(reply, 2)
    assert stored(site, chat.conversation)[0] == "First line\nsecond line"
    for _ in range(3):  # over the model and the settings
        keys.press("Tab")
    expect(chat.stop).to_be_focused()
    keys.press("Enter")
    chat.ended(reply)
    expect(reply).to_contain_text("Stopped.")
    keys.press("Control+Shift+O")
    page.wait_for_url(f"{site.origin}/")
    expect(chat.message).to_be_focused()
    link = chat.list.get_by_role("link", name="First line")
    for _ in range(30):  # back to the conversation, as far as Tab leads
        keys.press("Shift+Tab")
        if link.evaluate("node => node === document.activeElement"):
            break
    expect(link).to_be_focused()
    keys.press("Enter")
    expect(reply).to_contain_text("w0001")


def test_page_works_on_a_plain_http_address_that_is_not_localhost(
    chat: Chat, site: Server, person: Person, upstream: Upstream
) -> None:
    """No secure context: no crypto.subtle, no clipboard, no randomUUID."""
    chat.origin = f"http://chat.test:{site.port}"
    chat.log_in(person)
    chat.open()
    assert chat.page.evaluate("window.isSecureContext") is False
    upstream.play(numbered(40), rate=200)
    reply = chat.send("Count")
    chat.ended(reply)
    chat.shows(reply, numbered(40))
    assert stored(site, chat.conversation) == ["Count", numbered(40)]
    reply.hover()
    reply.get_by_role("button", name="Copy reply").click()
    expect(chat.page.get_by_role("button", name="Copied")).to_be_visible()


def test_phone_has_no_sideways_scroll(chat: Chat, upstream: Upstream) -> None:
    page = chat.page
    page.set_viewport_size({"width": 360, "height": 740})
    chat.open()
    wide = "x" * 300
    table = "|" + " a column |" * 12 + "\n|" + "---|" * 12 + "\n|" + " value |" * 12
    upstream.play(f"{wide}\n\n```\n{wide}\n```\n\n{table}\n\n$$\\frac{{{wide}}}{{2}}$$\n")
    chat.ended(chat.send(f"{wide} https://example.com/{wide}"))
    root = "document.documentElement"
    assert page.evaluate(f"{root}.scrollWidth - {root}.clientWidth") == 0
    assert page.evaluate("scroller.scrollWidth - scroller.clientWidth") == 0
    page.get_by_role("button", name="Show conversations").click()
    link = chat.list.get_by_role("link", name="xxx").first
    expect(link).to_be_in_viewport()
    link.click()
    expect(link).not_to_be_in_viewport()
