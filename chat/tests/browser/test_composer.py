"""The field for messages: two rows, of which the text may grow."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from chat.tests.browser.chatting import Chat
from chat.tests.live.server import Server

pytestmark = pytest.mark.browser

LINES = "\n".join(f"line {n}" for n in range(60))


def test_a_long_text_is_given_more_room_on_request(page: Page, site: Server) -> None:
    chat = Chat(page, site)
    chat.log_in(site.database.add_person("alice"))
    page.set_viewport_size({"width": 1000, "height": 800})
    chat.open()
    form = page.locator("#composer")
    enlarge = page.get_by_role("button", name="Enlarge the message box")
    expect(enlarge).to_be_hidden()
    chat.message.fill(LINES)
    box = form.bounding_box()
    assert box is not None
    assert box["height"] <= 0.4 * 800
    enlarge.click()
    expect(chat.message).to_be_focused()
    large = form.bounding_box()
    assert large is not None
    assert 0.6 * 800 < large["height"] < 0.8 * 800
    expect(page.get_by_role("button", name="Reduce the message box")).to_be_visible()
    chat.send(LINES)
    expect(page.get_by_role("button", name="message box")).to_be_hidden()


@pytest.mark.parametrize("width", [320, 768, 2560])
def test_what_is_chosen_for_a_message_stands_below_its_text(
    page: Page, site: Server, width: int
) -> None:
    chat = Chat(page, site)
    chat.log_in(site.database.add_person("alice"))
    page.set_viewport_size({"width": width, "height": 700})
    chat.open()
    text = chat.message.bounding_box()
    assert text is not None
    for name in ["Model:", "Settings", "Send"]:
        box = page.get_by_role("button", name=name).bounding_box()
        assert box is not None
        assert box["y"] >= text["y"] + text["height"] - 1
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_limit_is_shown_before_sending(page: Page, site: Server) -> None:
    chat = Chat(page, site)
    chat.log_in(site.database.add_person("alice"))
    chat.open()
    limit = page.locator("#composer-limit")
    send = page.get_by_role("button", name="Send")
    chat.message.fill("a" * 400_000)
    expect(send).to_be_enabled()
    expect(limit).to_be_hidden()
    chat.message.fill("a" * 500_000)
    expect(limit).to_have_text("96% of the allowed length")
    expect(send).to_be_enabled()
    chat.message.fill("a" * 600_000)
    expect(limit).to_contain_text("too long")
    expect(send).to_be_disabled()
    chat.message.press("Enter")
    expect(chat.mine).to_have_count(0)
    chat.message.fill("short")
    expect(limit).to_be_hidden()
    expect(send).to_be_enabled()
