"""Temporary chats: begun by a switch, in no list and no search, and there while they exist."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, expect

from chat.tests.browser.chatting import Chat, soon
from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import Server, Upstream

pytestmark = pytest.mark.browser

SWITCH = "Temporary chat"


@pytest.fixture
def chat(context: BrowserContext, site: Server) -> Chat:
    """Alice's chat page."""
    chat = Chat(context.new_page(), site)
    chat.log_in(site.database.add_person("alice"))
    chat.open()
    return chat


def test_a_temporary_chat_is_in_no_list_and_no_search(
    chat: Chat, context: BrowserContext, site: Server, upstream: Upstream
) -> None:
    page = chat.page
    switch = page.get_by_role("button", name=SWITCH)
    note = page.locator("#temporary")
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "true")
    expect(note).to_be_visible()
    upstream.play("The word is zanzibar.")
    chat.ended(chat.send("Keep this to yourself"))
    uid = chat.conversation
    expect(switch).to_be_hidden()
    expect(note).to_be_visible()
    expect(chat.list.get_by_role("link")).to_have_count(0)
    page.get_by_role("searchbox").fill("zanzibar")
    expect(page.locator("#search-note")).to_contain_text("No")
    expect(chat.list.get_by_role("link")).to_have_count(0)
    page.reload()
    expect(chat.replies.first).to_contain_text("zanzibar")
    expect(note).to_be_visible()
    other = Chat(context.new_page(), site)
    other.open(f"/c/{uid}")
    expect(other.replies.first).to_contain_text("zanzibar")
    expect(other.page.locator("#temporary")).to_be_visible()
    expect(other.list.get_by_role("link")).to_have_count(0)


def test_the_switch_holds_for_one_chat(chat: Chat, upstream: Upstream) -> None:
    page = chat.page
    switch = page.get_by_role("button", name=SWITCH)
    switch.click()
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "false")
    upstream.play("Yes.")
    chat.ended(chat.send("An ordinary one"))
    expect(chat.list.get_by_role("link", name="An ordinary one")).to_be_visible()
    page.keyboard.press("Control+Shift+O")
    switch.click()
    chat.open_palette()
    page.keyboard.type("An ordinary")
    page.keyboard.press("Enter")
    expect(page.locator("#temporary")).to_be_hidden()
    page.keyboard.press("Control+Shift+O")
    expect(switch).to_have_attribute("aria-pressed", "false")


def test_the_page_says_that_it_shows_one(chat: Chat, site: Server, upstream: Upstream) -> None:
    chat.page.get_by_role("button", name=SWITCH).click()
    upstream.play("Yes.")
    chat.ended(chat.send("Hello"))
    sent: list[str] = []
    chat.page.on(
        "websocket",
        lambda socket: socket.on("framesent", lambda data: sent.append(str(data))),
    )
    chat.page.reload()
    expect(chat.replies.first).to_contain_text("Yes.")
    wanted = f'"type":"show","conversation":"{chat.conversation}"'
    soon(lambda: any(wanted in frame for frame in sent))
    chat.page.keyboard.press("Control+Shift+O")
    soon(lambda: any('"type":"show","conversation":null' in frame for frame in sent))


def test_there_is_no_switch_where_none_may_be_temporary(
    make_server: MakeServer, context: BrowserContext
) -> None:
    server = make_server(TEMPORARY_CHATS="off")
    server.start()
    chat = Chat(context.new_page(), server)
    chat.log_in(server.database.add_person("alice"))
    chat.open()
    expect(chat.page.locator("#connection")).to_be_hidden()
    palette = chat.open_palette()
    chat.page.keyboard.type("temporary chat")
    expect(palette.get_by_role("status")).to_have_text("No matches.")
    expect(chat.page.get_by_role("button", name=SWITCH)).to_have_count(0)
