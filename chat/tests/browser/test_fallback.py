"""The page where no WebSocket can be had: all of it over server-sent events and plain requests."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Locator, expect

from chat.tests.browser.chatting import PATIENCE, Chat, numbered, soon, stored
from chat.tests.browser.proxy import Proxy, Upgrades, proxy
from chat.tests.live.conftest import MakeServer
from chat.tests.live.database import Person
from chat.tests.live.server import Server, Upstream

pytestmark = pytest.mark.browser

WITHIN = 9_000
"""Milliseconds that the page may take to find out: fewer than a handshake is waited for."""


@pytest.fixture
def way(site: Server) -> Iterator[Proxy]:
    """The proxy in front of the pages of this module."""
    with proxy(site.port) as way:
        way.upgrades = "refuse"
        yield way


@pytest.fixture
def alice(site: Server) -> Person:
    return site.database.add_person("alice")


def enter(context: BrowserContext, server: Server, way: Proxy, person: Person) -> Chat:
    chat = Chat(context.new_page(), server)
    chat.origin = way.origin
    chat.log_in(person)
    chat.open()
    return chat


def hint(chat: Chat) -> Locator:
    return chat.page.get_by_text("Connected without WebSocket")


@pytest.mark.parametrize("upgrades", ["refuse", "hang"])
def test_page_loads_and_chats_before_a_handshake_is_given_up(
    context: BrowserContext,
    site: Server,
    way: Proxy,
    alice: Person,
    upstream: Upstream,
    upgrades: Upgrades,
) -> None:
    way.upgrades = upgrades
    chat = enter(context, site, way, alice)
    expect(hint(chat)).to_be_visible(timeout=WITHIN)
    expect(chat.page.locator("#connection")).to_be_hidden()
    upstream.play(numbered(60), rate=100)
    reply = chat.send("Count")
    chat.grows(reply, 5)  # it is seen as it grows
    chat.ended(reply)
    chat.shows(reply, numbered(60))
    chat.page.reload()
    chat.shows(reply, numbered(60))
    assert stored(site, chat.conversation) == ["Count", numbered(60)]


def test_all_that_can_be_asked_for_can_be_asked_for(
    context: BrowserContext, site: Server, way: Proxy, alice: Person, upstream: Upstream
) -> None:
    chat = enter(context, site, way, alice)
    page = chat.page
    upstream.play(numbered(2000), rate=80)
    reply = chat.send("Count")
    chat.grows(reply, 3)
    page.reload()  # in the middle of it
    chat.grows(reply, 10)
    waiting = chat.send("Wait")
    expect(waiting).to_contain_text("Waiting for the reply above.")
    mine = chat.mine.last
    mine.get_by_role("button", name="Edit message").click()
    mine.get_by_role("textbox").fill("Wait for me")
    mine.get_by_role("button", name="Save").click()
    expect(mine).to_contain_text("Wait for me")
    mine.get_by_role("button", name="Remove").click()
    expect(chat.message).to_have_value("Wait for me")
    expect(chat.mine).to_have_count(1)
    chat.message.fill("")

    chat.stop.click()
    chat.ended(reply)
    expect(reply).to_contain_text("Stopped.")
    upstream.play("And on.")
    reply.get_by_role("button", name="Continue").click()
    expect(reply).to_contain_text("And on.", timeout=PATIENCE)
    chat.ended(reply)

    upstream.play("Again.")
    reply.get_by_role("button", name="Regenerate", exact=True).click()
    chat.shows(reply, "Again.")
    reply.get_by_role("button", name="Previous version").click()
    expect(reply).to_contain_text("And on.")

    upstream.play("Backwards.")
    chat.mine.first.hover()
    chat.mine.first.get_by_role("button", name="Edit message").click()
    chat.mine.first.get_by_role("textbox").fill("Count backwards")
    chat.mine.first.get_by_role("textbox").press("Control+Enter")
    chat.shows(chat.replies.first, "Backwards.")
    expect(chat.mine.first.get_by_role("group", name="Version 2 of 2")).to_be_visible()

    page.get_by_role("button", name="Conversation options").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_role("dialog").get_by_label("Title").fill("Counting")
    page.keyboard.press("Enter")
    expect(chat.list.get_by_role("link", name="Counting")).to_be_visible()
    expect(hint(chat)).to_be_visible()
    assert stored(site, chat.conversation)[2:] == ["Again.", "Count backwards", "Backwards."]


def test_second_tab_sees_what_happens_in_the_first(
    context: BrowserContext, site: Server, way: Proxy, alice: Person, upstream: Upstream
) -> None:
    chat = enter(context, site, way, alice)
    upstream.play(numbered(200), rate=60)
    chat.grows(chat.send("Count"), 1)
    other = enter(context, site, way, alice)
    other.open(f"/c/{chat.conversation}")
    other.grows(other.replies.first, 10)
    upstream.play("The second answer.")
    other.stop.click()
    chat.ended(chat.replies.first)
    other.send("And now?")
    chat.shows(chat.replies.last, "The second answer.")
    other.shows(other.replies.last, "The second answer.")


def test_reply_goes_on_after_a_restart(
    context: BrowserContext, make_server: MakeServer, upstream: Upstream
) -> None:
    server = make_server(DRAIN_SECONDS="0.5")
    server.start()
    with proxy(server.port) as way:
        way.upgrades = "refuse"
        chat = enter(context, server, way, server.database.add_person("alice"))
        upstream.play(numbered(2000), rate=100)
        reply = chat.send("Count")
        chat.grows(reply, 10)
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        expect(chat.page.get_by_text("Trying again in")).to_be_visible(timeout=PATIENCE)
        chat.message.fill("And then?")
        chat.message.press("Enter")
        expect(chat.mine.last).to_contain_text("Will be sent when connected")
        upstream.play(numbered(50), rate=300)
        server.start()
        chat.shows(chat.replies.first, numbered(50))
        expect(hint(chat)).to_be_visible()
        expect(chat.mine.last).not_to_contain_text("Will be sent when connected", timeout=PATIENCE)
        chat.ended(chat.replies.last)
        assert stored(server, chat.conversation)[:3:2] == ["Count", "And then?"]


def test_transports_change_in_mid_reply_and_nothing_is_lost_or_doubled(
    context: BrowserContext, site: Server, way: Proxy, alice: Person, upstream: Upstream
) -> None:
    way.upgrades = "pass"
    chat = enter(context, site, way, alice)
    text = numbered(250)
    upstream.play(text, rate=100)
    reply = chat.send("Count")
    chat.grows(reply, 5)
    expect(hint(chat)).to_be_hidden()
    way.upgrades = "refuse"
    way.drop()
    expect(hint(chat)).to_be_visible(timeout=PATIENCE)
    shown = len(reply.locator(".markdown").last.inner_text())
    expect(reply).to_contain_text(f"w{shown // 8 + 10:04}", timeout=PATIENCE)  # over HTTP
    way.upgrades = "pass"
    expect(hint(chat)).to_be_hidden(timeout=PATIENCE)
    chat.ended(reply)
    chat.shows(reply, text)
    assert stored(site, chat.conversation) == ["Count", text]


def test_lost_log_in_is_told(
    context: BrowserContext, site: Server, way: Proxy, alice: Person, upstream: Upstream
) -> None:
    chat = enter(context, site, way, alice)
    expect(hint(chat)).to_be_visible()
    chat.message.fill("Half a thought")
    site.database.change("DELETE FROM django_session WHERE session_key = ?", alice.session)
    dialog = chat.page.get_by_role("dialog", name="You are logged out")
    expect(dialog).to_be_visible(timeout=PATIENCE)
    chat.log_in(site.database.log_in(alice))
    dialog.get_by_role("button", name="I have logged in in another tab").click()
    expect(dialog).to_be_hidden(timeout=PATIENCE)
    upstream.play("A whole one.")
    chat.message.press("Enter")
    chat.shows(chat.replies.first, "A whole one.")
    assert soon(lambda: stored(site, chat.conversation)) == ["Half a thought", "A whole one."]
