"""A plain EventSource in a real browser: it comes back by itself, and knows when not to."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page

from chat.tests.browser.chatting import numbered, soon
from chat.tests.browser.proxy import Proxy, proxy
from chat.tests.live.conftest import MakeServer
from chat.tests.live.database import Person
from chat.tests.live.server import ENDLESS, Server, Upstream

pytestmark = pytest.mark.browser

CLOSED = 2

# What a page does, as strictly as the protocol has it. Code points are counted, not UTF-16 units.
FOLLOW = """(path) => {
  const source = new EventSource(path);
  const heard = { text: [], attempt: 0, opened: 0, snapshots: [], end: null, wrong: [], id: "" };
  source.onopen = () => { heard.opened += 1; };
  source.onmessage = ({ data, lastEventId }) => {
    const frame = JSON.parse(data);
    heard.id = lastEventId;
    if (heard.end) heard.wrong.push(frame);
    if (frame.type === "snapshot") {
      heard.snapshots.push(frame.attempt);
      heard.attempt = frame.attempt;
      heard.text = [...frame.text];
    } else if (frame.type === "delta") {
      const fits = frame.at === heard.text.length && frame.attempt === heard.attempt;
      if (!fits) heard.wrong.push(frame);
      heard.text.push(...frame.text);
    } else if (frame.type === "end") heard.end = frame;
  };
  window.source = source;
  window.heard = heard;
}"""
HEARD = "() => ({ ...heard, text: heard.text.join(''), state: source.readyState })"


@pytest.fixture
def server(make_server: MakeServer) -> Server:
    server = make_server(DRAIN_SECONDS="0.3")
    server.start()
    return server


@pytest.fixture
def way(server: Server) -> Iterator[Proxy]:
    """The network between the page and the server."""
    with proxy(server.port) as way:
        yield way


@pytest.fixture
def alice(server: Server, way: Proxy, page: Page) -> Person:
    """She is logged in, on the chat page."""
    alice = server.database.add_person("alice")
    cookie = {"name": "sessionid", "value": alice.session, "url": way.origin}
    page.context.add_cookies([cookie])  # type: ignore[list-item]
    page.goto(f"{way.origin}/")
    return alice


def follow(page: Page, server: Server, alice: Person) -> str:
    """Send a message by HTTP and follow its reply in the page."""
    body = {"id": str(uuid4()), "conversation": None, "parent": None, "text": "Count"}
    body["model"] = f"openai/{ENDLESS}"
    status, accepted = server.ask(alice, "POST", "/api/v1/messages", body)
    assert status == 202, accepted
    page.evaluate(FOLLOW, f"/api/v1/replies/{accepted['reply']}/events")
    reply: str = accepted["reply"]
    return reply


def heard(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(HEARD)
    assert found["wrong"] == []
    return found


def has(page: Page, length: int) -> dict[str, Any]:
    return soon(lambda: one if len((one := heard(page))["text"]) >= length else {})


def test_eventsource_lives_through_a_cut_and_a_restart_and_stops_at_the_end(
    page: Page, server: Server, way: Proxy, alice: Person, upstream: Upstream
) -> None:
    upstream.play(numbered(3000), rate=100)
    reply = follow(page, server, alice)
    has(page, 100)
    for times in (1, 2):  # a cut: it goes on where it was, and nothing comes twice
        way.cut()
        before = heard(page)
        way.mend()
        after = has(page, len(before["text"]) + 100)
        assert after["text"].startswith(before["text"])
        assert (after["snapshots"], after["opened"]) == ([1], 1 + times)
    assert numbered(3000).startswith(heard(page)["text"])
    server.kill()
    upstream.play(numbered(40), rate=300)
    server.start()
    soon(lambda: heard(page)["state"] == CLOSED)  # by a 204: nobody closed it here
    found = heard(page)
    assert found["text"] == numbered(40)
    assert (found["end"]["status"], found["end"]["attempt"]) == ("complete", 2)
    assert found["end"]["length"] == len(numbered(40))
    assert found["snapshots"] == [1, 2]
    assert found["id"] == f"2.{len(numbered(40))}.0.end"
    assert server.database.reply(reply)["text"] == numbered(40)


def test_eventsource_lives_through_an_orderly_restart(
    page: Page, server: Server, alice: Person, upstream: Upstream
) -> None:
    upstream.play(numbered(3000), rate=100)
    follow(page, server, alice)
    has(page, 100)
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    upstream.play(numbered(40), rate=300)
    server.start()
    soon(lambda: heard(page)["state"] == CLOSED)
    assert (heard(page)["text"], heard(page)["snapshots"]) == (numbered(40), [1, 2])


def test_eventsource_gives_up_when_its_login_is_over(
    page: Page, server: Server, alice: Person, upstream: Upstream
) -> None:
    upstream.play(numbered(3000), rate=100)
    reply = follow(page, server, alice)
    has(page, 100)
    server.database.change("DELETE FROM django_session WHERE session_key = ?", alice.session)
    soon(lambda: heard(page)["state"] == CLOSED)
    assert heard(page)["end"] is None
    again = server.database.log_in(alice)
    status, end = server.ask(again, "POST", f"/api/v1/replies/{reply}/stop")
    assert (status, end["status"]) == (200, "stopped"), json.dumps(end)
