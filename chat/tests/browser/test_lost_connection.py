"""The server goes away and comes back: the page says so, and nothing is lost or sent twice."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from time import monotonic

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

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
    expect(chat.mine.last).to_contain_text("Will be sent when connected")
    upstream.play("The second.")
    server.start()
    expect(chat.replies.last).to_contain_text("The second.", timeout=PATIENCE)
    chat.ended(chat.replies.last)
    expect(chat.mine.last).not_to_contain_text("Will be sent when connected")
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
    expect(chat.mine.last).to_contain_text("Will be sent when connected", timeout=PATIENCE)
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
    dialog.get_by_role("button", name="I have logged in in another tab").click()
    expect(dialog).to_be_hidden(timeout=PATIENCE)
    expect(chat.message).to_have_value("Half a thought")
    chat.message.press("Enter")
    chat.ended(chat.replies.first)


class Line:
    """The network between the page and the server, which can be made to fail."""

    def __init__(self) -> None:
        self.opened = 0
        self.is_dead = False
        """Nothing gets through, and nobody says so."""
        self.is_full = False
        """The server refuses, and the page is not to ask again soon."""
        self.asked: list[str] = []
        """The types of the frames that the page sent into the dead line."""

    def carry(self, client: WebSocketRoute) -> None:
        self.opened += 1
        if self.is_full:
            client.close(code=4429)
            return
        server = client.connect_to_server()
        # A connection that went dead stays so, whatever becomes of the next.
        dead = False

        def alive() -> bool:
            nonlocal dead
            dead = dead or (self.is_dead and self.opened == number)
            return not dead

        number = self.opened

        def up(frame: str | bytes) -> None:
            if alive():
                server.send(frame)
            else:
                self.asked.append(json.loads(frame)["type"])

        def down(frame: str | bytes) -> None:
            if alive():
                client.send(frame)

        client.on_message(up)
        server.on_message(down)


@pytest.fixture
def line(page: Page) -> Line:
    line = Line()
    page.route_web_socket("**/ws/**", line.carry)
    return line


HIDE = """(isAway) => {
  Object.defineProperty(document, "hidden", {get: () => isAway, configurable: true});
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def come_back(page: Page, how: str) -> None:
    """The network, or the reader, goes away and comes back."""
    if how == "online":
        page.context.set_offline(True)
        page.context.set_offline(False)
    else:
        page.evaluate(HIDE, True)
        page.evaluate(HIDE, False)


@pytest.mark.parametrize("how", ["online", "visible"])
def test_dead_connection_is_found_when_the_network_or_the_reader_is_back(
    line: Line, chat: Chat, upstream: Upstream, how: str
) -> None:
    upstream.play("The first.")
    chat.ended(chat.send("One"))
    line.is_dead = True
    # What was heard a moment ago is not doubted.
    chat.page.wait_for_timeout(1500)
    come_back(chat.page, how)
    # Without that it takes 35 seconds of silence, longer than is waited for here.
    soon_by_page(chat.page, lambda: line.opened == 2)
    assert line.asked[0] == "ping"
    line.is_dead = False
    upstream.play("The second.")
    chat.ended(chat.send("Two"))
    assert line.opened == 2


@pytest.mark.parametrize("how", ["online", "visible"])
def test_next_try_is_made_at_once_when_the_network_or_the_reader_is_back(
    page: Page, line: Line, server: Server, how: str
) -> None:
    line.is_full = True
    chat = Chat(page, server)
    chat.log_in(server.database.add_person("alice"))
    chat.open()
    lost = page.get_by_text("Too many open pages.")
    expect(lost).to_be_visible(timeout=PATIENCE)
    tries = line.opened
    page.evaluate(HIDE, True)
    assert line.opened == tries, "tried while nobody looks"
    page.evaluate(HIDE, False)
    soon_by_page(page, lambda: line.opened == tries + 1)
    line.is_full = False
    come_back(page, how)
    expect(lost).to_be_hidden(timeout=12_000)  # the page itself waits longer
    assert line.opened == tries + 2


def soon_by_page(page: Page, look: Callable[[], bool]) -> None:
    """Wait until this holds, while what the page asks of its routes is answered."""
    deadline = monotonic() + PATIENCE / 1000
    while not look():
        assert monotonic() < deadline, "never so"
        page.wait_for_timeout(50)
