"""A full disk as a person sees it: in words, for as long as it lasts, and without a reload."""

from __future__ import annotations

from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from chat.tests.browser.chatting import PATIENCE, Chat, numbered
from chat.tests.live.disk import FULL, Disk, disk, on_disk
from chat.tests.live.server import Server, Upstream

pytestmark = pytest.mark.browser

__all__ = ["disk", "on_disk"]


def test_full_disk_is_told_below_a_reply_and_at_a_send_which_go_on_by_themselves(
    page: Page, on_disk: Server, disk: Disk, upstream: Upstream
) -> None:
    alice, words = on_disk.database.add_person("alice"), numbered(120)
    chat = Chat(page, on_disk)
    chat.log_in(alice)
    chat.open()
    page.evaluate("window.isTheSamePage = true")
    upstream.play(words, rate=120)
    reply = chat.send("Tell me")
    chat.grows(reply, 2)
    disk.fill()
    expect(reply).to_contain_text(FULL, timeout=PATIENCE)
    chat.shows(reply, words)  # all of it, though its end is not stored
    expect(chat.stop).to_be_visible()

    page.get_by_role("button", name="New chat").first.click()
    expect(chat.replies).to_have_count(0)
    upstream.play("There is room.")
    chat.message.fill("And this?")
    chat.message.press("Enter")
    notice = page.locator(".toast", has_text=FULL)
    expect(notice).to_contain_text("Trying again in", timeout=PATIENCE)
    expect(chat.mine).to_contain_text("And this?")

    disk.free()
    second = chat.replies.first
    chat.ended(second)
    chat.shows(second, "There is room.")
    chat.list.get_by_role("link", name="Tell me").click()
    chat.ended(reply)
    chat.shows(reply, words)
    expect(reply).not_to_contain_text(FULL)
    assert page.evaluate("window.isTheSamePage")
    replies = [row for row in on_disk.database.messages(alice) if row["role"] == "assistant"]
    assert [row["status"] for row in replies] == ["complete", "complete"]
    assert on_disk.database.text(str(UUID(replies[0]["uid"]))) == words
