"""The list of conversations: its groups and marks."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from chat.tests.browser.chatting import PATIENCE, Chat, numbered
from chat.tests.live.server import Server, Upstream

pytestmark = pytest.mark.browser


def test_reply_that_ends_elsewhere_is_marked_until_it_is_shown(
    page: Page, site: Server, upstream: Upstream
) -> None:
    chat = Chat(page, site)
    chat.log_in(site.database.add_person("alice"))
    chat.open()
    upstream.play(numbered(40), rate=100)
    chat.send("Write for long")
    page.wait_for_url("**/c/*")
    long = chat.list.get_by_role("link", name="Write for long")
    expect(long).to_contain_text("answering")
    page.get_by_role("button", name="New chat").first.click()
    expect(chat.replies).to_have_count(0)
    expect(long).to_contain_text("new reply", timeout=PATIENCE)
    expect(long).not_to_contain_text("answering")
    page.reload()
    expect(long).to_contain_text("new reply")  # only its id is kept in the browser
    long.click()
    expect(long).not_to_contain_text("new reply")


def test_pinned_conversation_stands_first(page: Page, site: Server, upstream: Upstream) -> None:
    chat = Chat(page, site)
    chat.log_in(site.database.add_person("alice"))
    for text in ["The older one", "The newer one"]:
        chat.open()
        upstream.play("Yes.")
        chat.ended(chat.send(text))
    links = chat.list.get_by_role("link")
    expect(links).to_have_text(["The newer one", "The older one"])
    page.get_by_role("button", name="Options for The older one").press("Enter")
    page.get_by_role("menuitem", name="Pin", exact=True).press("Enter")
    expect(links).to_have_text(["The older one", "The newer one"])
    expect(chat.list.get_by_role("region", name="Pinned").get_by_role("link")).to_have_count(1)
    page.reload()
    expect(links).to_have_text(["The older one", "The newer one"])
    page.get_by_role("button", name="Conversation options").click()
    page.get_by_role("menuitem", name="Pin", exact=True).press("Enter")
    expect(links).to_have_text(["The newer one", "The older one"])
