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


def test_list_is_one_tab_stop_with_arrows(page: Page, site: Server, upstream: Upstream) -> None:
    chat = Chat(page, site)
    chat.log_in(site.database.add_person("alice"))
    for text in ["First words", "Second words", "Third words"]:
        chat.open()
        upstream.play("Yes.")
        chat.ended(chat.send(text))
    links = chat.list.get_by_role("link")
    expect(links).to_have_text(["Third words", "Second words", "First words"])
    expect(chat.list.locator("[tabindex='0']")).to_have_count(1)
    page.get_by_role("searchbox", name="Search conversations").focus()
    page.keyboard.press("Tab")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("End")
    expect(links.nth(2)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("!document.activeElement.closest('#conversations')")
    page.keyboard.press("Shift+Tab")
    expect(links.nth(1)).to_be_focused()
    # The row that goes gives the focus to the next one, and the last one to the one before.
    for left in [["Third words", "First words"], ["Third words"]]:
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        page.get_by_role("menuitem", name="Delete").press("Enter")
        expect(links).to_have_text(left)
        expect(links.last).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(chat.list.get_by_role("button", name="New folder")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("searchbox", name="Search conversations")).to_be_focused()
