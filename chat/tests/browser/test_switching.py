"""Switching between conversations: what was shown is there at once, at the place it was left."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, expect

from chat.tests.browser.chatting import Chat, soon
from chat.tests.live.server import Server, Upstream

pytestmark = pytest.mark.browser

LONG = "\n\n".join(f"Paragraph {n} of a long answer." for n in range(120))
PLACE = "document.querySelector('#scroller').scrollTop"


@pytest.fixture
def chat(context: BrowserContext, site: Server) -> Chat:
    """Alice's chat page."""
    chat = Chat(context.new_page(), site)
    chat.log_in(site.database.add_person("alice"))
    chat.open()
    return chat


def two_conversations(chat: Chat, upstream: Upstream) -> tuple[str, str]:
    """Their titles: a long one, and a short one, which is shown."""
    upstream.play(LONG)
    chat.ended(chat.send("Long"))
    chat.page.keyboard.press("Control+Shift+O")
    upstream.play("Short.")
    chat.ended(chat.send("Brief"))
    return "Long", "Brief"


def show(chat: Chat, title: str) -> None:
    chat.list.get_by_role("link", name=title).click()
    expect(chat.mine.first).to_contain_text(title)


def test_conversations_that_were_shown_are_read_without_the_network(
    chat: Chat, upstream: Upstream
) -> None:
    long, brief = two_conversations(chat, upstream)
    chat.page.context.set_offline(True)
    show(chat, long)
    expect(chat.replies.first).to_contain_text("Paragraph 119")
    show(chat, brief)
    expect(chat.replies.first).to_contain_text("Short.")
    chat.page.context.set_offline(False)
    show(chat, long)
    upstream.play("And more.")
    chat.ended(chat.send("Go on"))
    expect(chat.replies.last).to_contain_text("And more.")


def test_fifty_switches_ask_once_each(chat: Chat, upstream: Upstream) -> None:
    titles = two_conversations(chat, upstream)
    asked: list[str] = []
    chat.page.on("request", lambda request: asked.append(request.url))
    for number in range(50):
        show(chat, titles[number % 2])
    chat.page.wait_for_load_state("networkidle")
    assert len([url for url in asked if "/api/" in url]) <= 60


def test_the_place_of_reading_survives_switches_back_and_reload(
    chat: Chat, upstream: Upstream
) -> None:
    page = chat.page
    long, brief = two_conversations(chat, upstream)
    show(chat, long)
    page.get_by_text("Paragraph 40 of").scroll_into_view_if_needed()
    page.mouse.move(700, 300)
    page.mouse.wheel(0, -200)
    page.wait_for_timeout(300)
    place = page.evaluate(PLACE)
    end = page.evaluate(
        "(({scrollHeight, clientHeight}) => scrollHeight - clientHeight)"
        "(document.querySelector('#scroller'))"
    )
    assert 0 < place < end - 200
    show(chat, brief)
    show(chat, long)
    soon(lambda: abs(page.evaluate(PLACE) - place) < 4)
    page.go_back()
    expect(chat.mine.first).to_contain_text(brief)
    page.go_forward()
    expect(chat.mine.first).to_contain_text(long)
    soon(lambda: abs(page.evaluate(PLACE) - place) < 4)
    page.reload()
    expect(chat.replies.first).to_contain_text("Paragraph 119")
    soon(lambda: abs(page.evaluate(PLACE) - place) < 30)
    kept = page.evaluate("JSON.stringify(sessionStorage)")
    assert "Paragraph" not in kept
    assert "Long" not in kept


def test_a_conversation_left_at_its_end_opens_there(chat: Chat, upstream: Upstream) -> None:
    long, brief = two_conversations(chat, upstream)
    show(chat, long)
    expect(chat.page.locator("#jump")).to_be_hidden()
    show(chat, brief)
    show(chat, long)
    expect(chat.page.get_by_text("Paragraph 119 of")).to_be_in_viewport()
