"""A second endpoint, from the admin's form to a reply: both are chatted with."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from chat.tests.browser.chatting import Chat
from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import SHORT, Upstream

pytestmark = pytest.mark.browser

KEY = "sk-canary-7f3a9c1e5b2d"
PATH = "/second/v1"


def test_a_second_endpoint_is_added_and_both_are_chatted_with(
    page: Page, make_server: MakeServer, upstream: Upstream
) -> None:
    upstream._ask({"models": {"at": f"{PATH}/models", "ids": ["words?n=30&seed=5", "tts-1"]}})
    server = make_server(CHAT_MODEL=SHORT, ENCRYPTION_KEY="the key of the tests")
    server.start()
    chat = Chat(page, server)
    chat.log_in(server.database.add_person("carol", staff=True, superuser=True))

    page.goto(f"{server.origin}/admin/chat/endpoint/")
    environment = page.get_by_role("region", name="From the environment")
    expect(environment).to_contain_text(upstream.url)
    environment.get_by_role("button", name="Test").click()
    expect(page.locator(".messagelist .success")).to_have_count(2)

    page.get_by_role("link", name="Add endpoint").click()
    page.get_by_label("Name:", exact=True).fill("second")
    page.get_by_label("Label:").fill("Second one")
    page.get_by_label("Address:").fill(upstream.url.replace("/v1", PATH))
    page.get_by_label("Key:", exact=True).fill(KEY)
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Headers:").fill("X-Title: Parley")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Second one")).to_be_visible()
    expect(page.get_by_label("Key:", exact=True)).to_have_value("")

    page.get_by_role("button", name="Fetch models").click()
    expect(page.locator(".messagelist .success")).to_contain_text("2 added")
    page.get_by_role("row", name="tts-1").get_by_role("checkbox").last.check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist .success")).to_contain_text("1 model was changed")

    chat.open()
    chat.choose("words?n=30")
    chat.ended(chat.send("Hello, second"))
    chat.open()
    chat.choose(SHORT)
    chat.ended(chat.send("Hello, first"))

    (second,) = upstream.requests("Hello, second")
    (first,) = upstream.requests("Hello, first")
    assert second["path"] == f"{PATH}/chat/completions"
    assert second["headers"]["authorization"] == f"Bearer {KEY}"
    assert second["headers"]["x-title"] == "Parley"
    assert first["path"] == "/v1/chat/completions"
    assert KEY not in str(first["headers"])
    (row,) = server.database.rows("SELECT * FROM chat_endpoint")
    assert KEY not in str(row)
    assert KEY not in server.log
