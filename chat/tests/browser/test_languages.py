"""The chat page and the transcript in a browser whose reader prefers German."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from chat.models import Conversation

type MakeConversation = Callable[..., Conversation]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Runs before any script of the page.
WATCH = """
window.seen = [];
new MutationObserver((changes) => {
  for (const { addedNodes, target } of changes) {
    for (const node of addedNodes) window.seen.push(node.textContent);
    window.seen.push(target.getAttribute?.("aria-label"));
  }
}).observe(document, { childList: true, subtree: true, attributes: true });
"""


@pytest.fixture
def german(browser: Browser) -> Iterator[Page]:
    """A page whose texts are watched from the start."""
    context = browser.new_context(locale="de-DE")
    context.add_init_script(WATCH)
    yield context.new_page()
    context.close()


def show(page: Page, server: LiveServer, reader: User, path: str) -> list[str]:
    """Open a path as this user; returns the scripts that were asked for."""
    client = Client()
    client.force_login(reader)
    cookie: Any = {"name": "sessionid", "value": client.cookies["sessionid"].value}
    page.context.add_cookies([cookie | {"url": server.url}])
    scripts: list[str] = []
    page.on("request", lambda request: scripts.append(request.url.removeprefix(server.url)))
    page.goto(server.url + path)
    return [path for path in scripts if path.endswith(".js")]


def answered(make_conversation: MakeConversation, owner: User) -> Conversation:
    return make_conversation(
        owner,
        usage={"completion_tokens": 1234},
        total_ms=3500,
    )


def test_page_is_german_from_the_first_drawing_on(
    german: Page, live_server: LiveServer, alice: User, make_conversation: MakeConversation
) -> None:
    conversation = answered(make_conversation, alice)
    scripts = show(german, live_server, alice, f"/c/{conversation.uid}")
    reply = german.get_by_role("article", name="Antwort")
    expect(reply).to_contain_text("1.234 Token")
    expect(reply).to_contain_text("3,5 s")
    expect(german.get_by_role("heading", name="Heute")).to_be_visible()
    expect(german.locator("html")).to_have_attribute("lang", "de")
    assert [one for one in scripts if "/catalogues/" in one and "/de." in one]
    seen = {text for text in german.evaluate("window.seen") if text}
    assert not seen & {"Today", "Reply"}


def test_page_whose_catalogue_does_not_arrive_is_english(
    german: Page, live_server: LiveServer, alice: User, make_conversation: MakeConversation
) -> None:
    german.route("**/catalogues/*", lambda route: route.abort())
    conversation = answered(make_conversation, alice)
    show(german, live_server, alice, f"/c/{conversation.uid}")
    expect(german.get_by_role("article", name="Reply")).to_contain_text("1,234 tokens")


def test_transcript_has_german_dates(
    german: Page,
    live_server: LiveServer,
    alice: User,
    carol: User,
    make_conversation: MakeConversation,
) -> None:
    conversation = answered(make_conversation, alice)
    show(german, live_server, carol, f"/admin/chat/conversation/{conversation.pk}/change/")
    time = german.locator("#transcript header time").first
    expect(time).to_have_text(re.compile(r"^\d{1,2}\. [A-ZÄ][a-zä]+ \d{4}, \d\d:\d\d:\d\d UTC$"))


def test_english_needs_no_catalogue_and_leads_to_the_choice(
    page: Page, live_server: LiveServer, alice: User, make_conversation: MakeConversation
) -> None:
    conversation = answered(make_conversation, alice)
    scripts = show(page, live_server, alice, f"/c/{conversation.uid}")
    reply = page.get_by_role("article", name="Reply")
    expect(reply).to_contain_text("1,234 tokens")
    expect(page.get_by_role("heading", name="Today")).to_be_visible()
    page.get_by_role("button", name="alice").click()
    choice = page.get_by_role("menuitem", name="Account")
    expect(choice).to_have_attribute("href", "/accounts/profile/")
    assert any(one.endswith("chat.js") for one in scripts)
    assert not [one for one in scripts if "/catalogues/" in one]
