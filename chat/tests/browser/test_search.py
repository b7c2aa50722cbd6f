"""Searching in the page: excerpts, the match that a result opens, and the bar that steps."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, expect

from chat.tests.browser.chatting import PATIENCE, Chat
from chat.tests.live.server import Server, Upstream

pytestmark = pytest.mark.browser

MARKED = "[...(CSS.highlights.get('found') ?? [])].map((range) => range.toString())"
LONG = "\n\n".join(f"Paragraph {number} of a long answer." for number in range(60))


@pytest.fixture
def chat(context: BrowserContext, site: Server) -> Chat:
    """Alice's chat page."""
    chat = Chat(context.new_page(), site)
    chat.log_in(site.database.add_person("alice"))
    chat.open()
    return chat


def say(chat: Chat, upstream: Upstream, text: str, answer: str) -> None:
    upstream.play(answer)
    reply = chat.send(text)
    chat.ended(reply)


def test_search_opens_at_the_match_and_steps_through_all(chat: Chat, upstream: Upstream) -> None:
    say(chat, upstream, "Über Pfeffer", "Schwarzer Pfeffer ist scharf.")
    say(chat, upstream, "Mehr", LONG)
    say(chat, upstream, "Und weißer?", "Weißer PFEFFER auch.")
    say(chat, upstream, "Ende", LONG)
    chat.page.get_by_role("button", name="New chat").first.click()
    field = chat.page.get_by_role("searchbox", name="Search conversations")
    field.fill("pfeff")
    excerpts = chat.list.locator(".excerpt")
    expect(excerpts).to_have_text(
        ["Weißer PFEFFER auch.", "Schwarzer Pfeffer ist scharf.", "Über Pfeffer"], timeout=PATIENCE
    )
    expect(excerpts.first.locator("mark")).to_have_text("PFEFFER")
    # By the keyboard: down to the title, and to its second excerpt.
    for _ in range(3):
        chat.page.keyboard.press("ArrowDown")
    expect(excerpts.nth(1)).to_be_focused()
    chat.page.keyboard.press("Enter")
    bar = chat.page.get_by_role("group", name="Matches")
    expect(bar).to_contain_text("2 of 3 matches", timeout=PATIENCE)
    first = chat.replies.first
    expect(first.get_by_text("Schwarzer Pfeffer")).to_be_in_viewport(timeout=PATIENCE)
    chat.page.wait_for_function(f"({MARKED}).includes('Pfeffer')")
    bar.get_by_role("button", name="Next match").click()
    expect(bar).to_contain_text("3 of 3 matches")
    expect(chat.replies.nth(2).get_by_text("Weißer PFEFFER")).to_be_in_viewport(timeout=PATIENCE)
    bar.get_by_role("button", name="Next match").click()
    expect(bar).to_contain_text("1 of 3 matches")
    chat.page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    assert chat.page.evaluate(MARKED) == []


def test_match_on_another_branch_shows_that_branch(chat: Chat, upstream: Upstream) -> None:
    say(chat, upstream, "One", "The zebra of the first answer.")
    upstream.play("Something else.")
    chat.replies.first.get_by_role("button", name="Regenerate", exact=True).click()
    chat.shows(chat.replies.first, "Something else.")
    chat.ended(chat.replies.first)
    chat.page.get_by_role("button", name="New chat").first.click()
    chat.page.get_by_role("searchbox", name="Search conversations").fill("zebra")
    chat.list.locator(".excerpt").click(timeout=PATIENCE)
    chat.shows(chat.replies.first, "The zebra of the first answer.")
    expect(chat.page.get_by_role("group", name="Matches")).to_contain_text("1 of 1 matches")


def test_words_stand_in_no_address(chat: Chat, upstream: Upstream) -> None:
    say(chat, upstream, "A secret", "Nothing.")
    addresses: list[str] = []
    chat.page.on("request", lambda request: addresses.append(request.url))
    chat.page.get_by_role("searchbox", name="Search conversations").fill("secret")
    expect(chat.list.locator(".excerpt")).to_have_text(["A secret"], timeout=PATIENCE)
    chat.list.locator(".excerpt").click()
    expect(chat.page.get_by_role("group", name="Matches")).to_be_visible(timeout=PATIENCE)
    assert any(address.endswith("/api/v1/search") for address in addresses)
    assert not any("secret" in address for address in addresses)
