"""Two instances on one host: a browser keeps cookies by host, whatever the port."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from chat.tests.browser.chatting import Chat
from chat.tests.live.server import Server, Upstream
from chatproject.cookies import cookie_names

pytestmark = pytest.mark.browser


@pytest.fixture
def two_servers(tmp_path: Path, template: Path, upstream: Upstream) -> Iterator[list[Server]]:
    """Each with a key and a database of its own."""
    servers = [
        Server(tmp_path / name, template, upstream.url, SECRET_KEY=name * 40, COOKIE_NAME="")
        for name in "ab"
    ]
    try:
        for server in servers:
            server.start()
        yield servers
    finally:
        for server in servers:
            server.kill()


def test_logged_in_at_both_and_either_takes_its_own_forms(
    context: BrowserContext, two_servers: list[Server], upstream: Upstream
) -> None:
    chats = []
    for server in two_servers:
        person = server.database.add_person("alice", password="Kestrel-42-lamp")
        chat = Chat(context.new_page(), server)
        chat.page.goto(server.origin)
        chat.page.get_by_label("Username or e-mail").fill(person.name)
        chat.page.get_by_label("Password").fill("Kestrel-42-lamp")
        chat.page.get_by_role("button", name="Log in").click()
        expect(chat.message).to_be_visible()
        chats.append(chat)
    names = {cookie["name"] for cookie in context.cookies()}
    for key in "ab":
        session, token, _ = cookie_names("", key * 40, secure=False)
        assert {session, token} <= names
    for chat in chats:
        chat.open()
        upstream.play("Here.")
        chat.shows(chat.send("Both"), "Here.")
    # What is changed over HTTP needs the token of the cookie, and of this instance.
    for chat in chats:
        chat.page.reload()
        chat.page.get_by_role("button", name="Conversation options").click()
        chat.page.get_by_role("menuitem", name="Rename").click()
        chat.page.get_by_role("dialog").get_by_label("Title").fill("Renamed")
        chat.page.keyboard.press("Enter")
        expect(chat.list.get_by_role("link", name="Renamed")).to_be_visible()
