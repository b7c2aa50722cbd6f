"""Facts shown of a reply: while it thinks, while it is tried again, and after its end."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from chat.models import Conversation
from chat.tests.browser.chatting import PATIENCE, Chat, numbered
from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import Server, Upstream

pytestmark = pytest.mark.browser


def test_thoughts_are_folded_away_and_timed(page: Page, site: Server, upstream: Upstream) -> None:
    chat = Chat(page, site)
    chat.log_in(site.database.add_person("alice"))
    chat.open()
    upstream.play(f"<think>{numbered(80)}</think>Here is what I found.", rate=60)
    reply = chat.send("Think first")
    expect(reply.get_by_text("Thinking…")).to_be_visible(timeout=PATIENCE)
    expect(reply).to_contain_text("Here is what I found.", timeout=PATIENCE)
    summary = reply.get_by_text(re.compile(r"^Thought for \d"))
    expect(summary).to_be_visible()
    chat.ended(reply)
    expect(reply.get_by_text("w0007", exact=False)).to_be_hidden()
    summary.click()
    expect(reply.get_by_text("w0007", exact=False)).to_be_visible()
    page.reload()  # the server measured it, too
    expect(summary).to_be_visible()


def test_next_try_is_counted_down_to_and_can_be_stopped(
    page: Page, make_server: MakeServer, upstream: Upstream
) -> None:
    server = make_server(UPSTREAM_TRIES="3")
    server.start()
    chat = Chat(page, server)
    chat.log_in(server.database.add_person("alice"))
    chat.open()
    chat.choose("status?code=429&after=7")
    reply = chat.send("Never mind")
    for seconds in ("[5-7]", "[1-4]"):
        said = re.compile(rf"The model did not answer\. Trying again in {seconds} s\.")
        expect(reply).to_contain_text(said, timeout=PATIENCE)
    chat.stop.click()
    chat.ended(reply)
    expect(reply).to_contain_text("Stopped before the first word.")
    assert len(upstream.requests("Never mind")) == 1


@pytest.mark.django_db(transaction=True)
def test_stored_reply_says_what_was_left_out_and_what_it_took(
    page: Page,
    live_server: LiveServer,
    settings: Settings,
    alice: User,
    make_conversation: Callable[..., Conversation],
) -> None:
    settings.SHOW_COST = True
    tokens = {"prompt_tokens": 1200, "cached_tokens": 1000, "completion_tokens": 90}
    conversation = make_conversation(
        alice,
        left_out=12,
        reasoning="A frog?",
        usage=tokens | {"reasoning_tokens": 40, "estimated": True},
        cost="0.0012",
        first_token_ms=500,
        reasoning_ms=12_400,
        total_ms=15_500,
    )
    client = Client()
    client.force_login(alice)
    cookie = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    page.goto(f"{live_server.url}/c/{conversation.uid}")
    reply = page.get_by_role("article", name="Reply")
    expect(reply).to_contain_text(
        "12 earlier messages did not fit into the model's context and were left out."
    )
    expect(reply).to_contain_text("Thought for 12 s")
    expect(reply.locator(".facts")).to_contain_text(
        re.compile(r"≈ 90 tokens\s+·\s+16 s\s+·\s+≈ 6\.0 tokens/s\s+·\s+≈ \$0\.0012")
    )
    expect(reply.locator(".facts")).to_have_attribute(
        "title", "Tokens: ≈ 1,200 in the prompt (1,000 cached), ≈ 90 in the answer (40 reasoning)"
    )
