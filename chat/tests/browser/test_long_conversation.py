"""A conversation of 10,000 messages in the page: its end first, earlier pages on the way up."""

from __future__ import annotations

from functools import partial
from uuid import uuid4

import pytest
from playwright.sync_api import BrowserContext, Locator, expect

from chat.tests.browser.chatting import PATIENCE, Chat, soon
from chat.tests.live.server import Server

pytestmark = pytest.mark.browser

LENGTH = 10_000


def _stands(message: Locator, y: float) -> bool:
    box = message.bounding_box()
    return box is not None and abs(box["y"] - y) < 40


def test_a_long_conversation_is_shown_from_its_end_and_read_on_upwards(
    context: BrowserContext, site: Server
) -> None:
    alice = site.database.add_person("alice")
    uid = site.database.add_conversation(alice, [f"Message no. {n}." for n in range(LENGTH)])
    # Beside the last but nine there is another version, with something below it.
    (at,) = site.database.rows(
        "SELECT * FROM chat_message WHERE text = ? AND user_id = ?",
        f"Message no. {LENGTH - 10}.",
        alice.id,
    )
    for text in ("Another version", "What follows on it"):
        fields = {key: value for key, value in at.items() if key != "id"}
        fields |= {"uid": uuid4().hex, "text": text, "created": "2040-01-01 00:00:00.000"}
        names = ", ".join(fields)
        places = ", ".join("?" * len(fields))
        at["parent_id"] = site.database.change(
            f"INSERT INTO chat_message ({names}) VALUES ({places})",
            *fields.values(),
        )
    chat = Chat(context.new_page(), site)
    asked: list[str] = []
    chat.page.on("request", lambda one: asked.append(one.url) if str(uid) in one.url else None)
    chat.log_in(alice)
    chat.open(f"/c/{uid}")
    last = chat.mine.last
    expect(last).to_contain_text(f"Message no. {LENGTH - 1}.", timeout=PATIENCE)
    expect(last).to_be_in_viewport()
    expect(chat.mine).to_have_count(100)

    scroller = chat.page.locator("#scroller")
    for count in (200, 300):
        # The reader goes up; what is on the screen stays where it is.
        first = LENGTH - count + 100
        message = chat.mine.filter(has_text=f"Message no. {first}.")
        scroller.evaluate("element => { element.scrollTop = 300; }")
        place = message.bounding_box()
        assert place is not None
        expect(chat.mine).to_have_count(count, timeout=PATIENCE)
        soon(partial(_stands, message, place["y"]))
    assert len([url for url in asked if "before=" in url]) == 2
    chat.page.get_by_role("button", name="Jump to latest").click()
    expect(last).to_be_in_viewport()

    version = chat.mine.filter(has_text=f"Message no. {LENGTH - 10}.")
    version.get_by_role("button", name="Next version").click()
    expect(chat.mine.last).to_contain_text("What follows on it", timeout=PATIENCE)
    other = chat.mine.filter(has_text="Another version")
    expect(other.get_by_role("group", name="Version 2 of 2")).to_be_visible()
    expect(chat.mine).to_have_count(292)
    other.get_by_role("button", name="Previous version").click()
    expect(chat.mine.last).to_contain_text(f"Message no. {LENGTH - 1}.", timeout=PATIENCE)
    expect(chat.mine).to_have_count(300)
