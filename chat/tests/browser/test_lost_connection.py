"""The server goes away and comes back: the page says so, and nothing is lost or sent twice."""

from __future__ import annotations

import signal

import pytest
from playwright.sync_api import Page, expect

from chat.tests.browser.chatting import PATIENCE, Chat, numbered, soon, stored
from chat.tests.live.conftest import MakeServer
from chat.tests.live.database import Person
from chat.tests.live.server import ENDLESS, Server, Upstream

pytestmark = pytest.mark.browser


@pytest.fixture
def server(make_server: MakeServer) -> Server:
    """A server of the test's own, which it may end."""
    server = make_server(DRAIN_SECONDS="0.5")
    server.start()
    return server


@pytest.fixture
def chat(page: Page, server: Server) -> Chat:
    chat = Chat(page, server)
    chat.log_in(server.database.add_person("alice"))
    chat.open()
    return chat


@pytest.mark.parametrize("how", ["killed", "drained"])
def test_reply_goes_on_after_a_restart(
    chat: Chat, server: Server, upstream: Upstream, how: str
) -> None:
    chat.choose(ENDLESS)
    upstream.play(numbered(2000), rate=100)
    reply = chat.send("Count")
    chat.grows(reply, 10)
    if how == "killed":
        server.kill()
    else:
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    lost = chat.page.get_by_text("Trying again in")
    expect(lost).to_be_visible(timeout=PATIENCE)
    upstream.play(numbered(50), rate=300)
    server.start()
    expect(lost).to_be_hidden(timeout=PATIENCE)
    chat.ended(reply)
    chat.shows(reply, numbered(50))
    assert stored(server, chat.conversation) == ["Count", numbered(50)]


def test_message_written_meanwhile_is_kept_and_sent_once(
    chat: Chat, server: Server, upstream: Upstream
) -> None:
    upstream.play("The first.")
    chat.ended(chat.send("One"))
    server.kill()
    expect(chat.page.get_by_text("Trying again in")).to_be_visible(timeout=PATIENCE)
    chat.message.fill("Two")
    chat.message.press("Enter")
    expect(chat.mine.last).to_contain_text("Two")
    expect(chat.mine.last).to_contain_text("Sending when connected")
    upstream.play("The second.")
    server.start()
    expect(chat.replies.last).to_contain_text("The second.", timeout=PATIENCE)
    chat.ended(chat.replies.last)
    expect(chat.mine.last).not_to_contain_text("Sending when connected")
    chat.page.reload()
    expect(chat.mine).to_have_count(2)
    assert stored(server, chat.conversation) == ["One", "The first.", "Two", "The second."]


def test_message_that_was_not_answered_outlives_the_page(
    chat: Chat, server: Server, upstream: Upstream
) -> None:
    """The page is closed before the server is back; the next one sends it."""
    server.kill()
    chat.message.fill("Do not lose me")
    chat.message.press("Enter")
    expect(chat.mine.last).to_contain_text("Sending when connected", timeout=PATIENCE)
    context = chat.page.context
    chat.page.close()
    upstream.play("I have it.")
    server.start()
    again = Chat(context.new_page(), server)
    again.open()
    rows = soon(lambda: server.database.rows("SELECT * FROM chat_message WHERE role = 'user'"))
    assert [row["text"] for row in rows] == ["Do not lose me"]
    again.list.get_by_role("link", name="Do not lose me").click()
    expect(again.replies.last).to_contain_text("I have it.", timeout=PATIENCE)
    assert len(server.database.rows("SELECT * FROM chat_message WHERE role = 'user'")) == 1


def test_logged_out_elsewhere_asks_to_log_in_and_keeps_the_draft(
    chat: Chat, server: Server
) -> None:
    chat.message.fill("Half a thought")
    server.database.change("DELETE FROM django_session")
    dialog = chat.page.get_by_role("dialog", name="You are logged out")
    expect(dialog).to_be_visible(timeout=PATIENCE)
    (row,) = server.database.rows("SELECT * FROM auth_user")
    chat.log_in(server.database.log_in(Person(row["id"], row["username"], "")))
    dialog.get_by_role("button", name="I have logged in elsewhere").click()
    expect(dialog).to_be_hidden(timeout=PATIENCE)
    expect(chat.message).to_have_value("Half a thought")
    chat.message.press("Enter")
    chat.ended(chat.replies.first)
