"""Staff read a conversation while its reply is still being written."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from chat.tests.browser.chatting import PATIENCE, Chat, numbered
from chat.tests.browser.test_chat import MARKDOWN
from chat.tests.live.server import Server, Upstream

pytestmark = pytest.mark.browser


def test_transcript_grows_with_the_reply(
    page: Page, context: BrowserContext, site: Server, upstream: Upstream
) -> None:
    carol = site.database.add_person("carol", staff=True, superuser=True)
    chat = Chat(page, site)
    chat.log_in(carol)
    chat.open()
    upstream.play(MARKDOWN)
    chat.ended(chat.send("<b>Show</b> me"))
    upstream.play(f"**Now** {numbered(400)}", rate=200)
    reply = chat.send("Count")
    chat.grows(reply, 1)
    (row,) = site.database.rows("SELECT id FROM chat_conversation WHERE owner_id = ?", carol.id)
    staff = context.new_page()
    staff.goto(f"{site.origin}/admin/chat/conversation/{row['id']}/change/")
    transcript = staff.locator("div#transcript")
    expect(transcript).to_contain_text("<b>Show</b> me")
    expect(transcript.get_by_role("heading", name="A heading")).to_be_visible()
    expect(transcript.locator("pre")).to_contain_text("return 42")
    expect(transcript).to_contain_text("w0005", timeout=PATIENCE)
    expect(transcript).not_to_contain_text("w0399")
    expect(transcript).to_contain_text("w0060", timeout=PATIENCE)  # by itself
    chat.stop.click()
    expect(transcript).to_contain_text("topped", timeout=PATIENCE)
    expect(transcript.get_by_text("Now", exact=True)).to_have_css("font-weight", "700")
    assert staff.locator("main").get_by_role("textbox").count() == 0  # nothing to edit
    assert staff.get_by_role("button", name="Save").count() == 0
