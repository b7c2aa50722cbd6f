"""A request without an answer is made again, before the first token only, and users see it wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import quote
from uuid import uuid4

import pytest

from chat.tests.live.client import Frame, client
from chat.tests.live.conftest import MakeServer
from chat.tests.live.faults import flaky
from chat.tests.live.server import SHORT, Server, Upstream, free_port
from fake_endpoint import SCENARIOS, FakeEndpoint, expected_text
from fake_endpoint.scenarios import RESET, Call, Script, delta, start

pytestmark = pytest.mark.asyncio


async def test_endpoint_that_comes_up_meanwhile_answers(make_server: MakeServer) -> None:
    port = free_port()
    server = make_server(upstream_url=f"http://127.0.0.1:{port}/v1", UPSTREAM_TRIES="6")
    server.start()
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        reply = (await page.send("Anybody there?", SHORT))["reply"]
        waits = await page.get("status", reply=reply, status="running", reason="retry")
        assert waits["retry_at"]
        async with FakeEndpoint(port=port) as upstream:
            end, text = await page.end(reply)
            assert len(upstream.requests) == 1
        assert (end["status"], end["attempt"], text) == ("complete", 1, expected_text(SHORT))
        assert page.shown[reply].statuses[-1]["reason"] is None


async def test_it_gives_up_after_so_many_tries(make_server: MakeServer) -> None:
    async with FakeEndpoint() as upstream:
        server = make_server(upstream_url=upstream.url, UPSTREAM_TRIES="3")
        server.start()
        alice = server.database.add_person("alice")
        async with client(server, alice) as page:
            reply = (await page.send("Hello?", "status?code=500"))["reply"]
            end, _ = await page.end(reply)
        assert (end["status"], end["attempt"]) == ("failed", 1)
        assert end["error"]["code"] == "upstream_error"
        assert len(upstream.requests) == 3


async def test_nothing_is_asked_again_after_the_first_token(make_server: MakeServer) -> None:
    async with FakeEndpoint() as upstream:
        server = make_server(upstream_url=upstream.url, UPSTREAM_TRIES="3")
        server.start()
        alice = server.database.add_person("alice")
        async with client(server, alice) as page:
            end, _ = await page.end((await page.send("Hello?", "reset"))["reply"])
        assert end["status"] == "interrupted"
        assert len(upstream.requests) == 1


def _thinks_and_breaks(call: Call) -> Script:
    """A thought, then a reset."""
    yield from start(call)
    yield delta(call, {"reasoning_content": "Let me see."})
    yield 0.1
    yield RESET


async def test_a_thought_is_a_token_too(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who has seen the model think is not shown another thought in its place."""
    monkeypatch.setitem(SCENARIOS, "thinks-and-breaks", _thinks_and_breaks)
    async with FakeEndpoint() as upstream:
        server = make_server(
            upstream_url=upstream.url, UPSTREAM_TRIES="3", CHAT_MODEL="thinks-and-breaks"
        )
        server.start()
        alice = server.database.add_person("alice")
        async with client(server, alice) as page:
            reply = (await page.send("Hello?", "thinks-and-breaks"))["reply"]
            end, text = await page.end(reply)
            assert (end["status"], end["error"]["code"], text) == ("failed", "connection_lost", "")
            assert page.shown[reply].reasoning == "Let me see."
        assert server.database.reply(reply)["reasoning"] == "Let me see."
        assert len(upstream.requests) == 1


async def test_stop_ends_the_wait_at_once(make_server: MakeServer) -> None:
    async with FakeEndpoint() as upstream:
        server = make_server(upstream_url=upstream.url, UPSTREAM_TRIES="3")
        server.start()
        alice = server.database.add_person("alice")
        async with client(server, alice) as page:
            reply = (await page.send("Hello?", "status?code=429&after=7"))["reply"]
            await page.get("status", reply=reply, status="running", reason="retry")
            await page.say("stop", reply=reply)
            end, _ = await page.end(reply)
        assert (end["status"], end["error"]) == ("stopped", None)
        assert len(upstream.requests) == 1


def _stored(server: Server, reply: str) -> datetime:
    """The time in the row at which the request is repeated."""
    at = server.database.reply(reply)["retry_at"]
    return datetime.fromisoformat(at).replace(tzinfo=UTC)


def _told(frame: Frame) -> datetime:
    return datetime.fromisoformat(frame["retry_at"])


async def test_date_of_the_endpoint_is_when_it_is_asked_again(make_server: MakeServer) -> None:
    async with FakeEndpoint() as upstream:
        date = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=40)
        model = f"status?code=503&after={quote(format_datetime(date, usegmt=True))}"
        server = make_server(upstream_url=upstream.url, UPSTREAM_TRIES="3", CHAT_MODEL=model)
        server.start()
        alice = server.database.add_person("alice")
        async with client(server, alice) as page:
            reply = (await page.send("Hello?", model))["reply"]
            waits = await page.get("status", reply=reply, status="running", reason="retry")
            # The header counts whole seconds of the endpoint's clock, which is also ours here.
            assert abs(_told(waits) - date) < timedelta(seconds=2)
            assert abs(_told(waits) - _stored(server, reply)) < timedelta(milliseconds=1)
            late = await page.ask("status", "follow", reply=reply)
            assert (late["reason"], late["retry_at"]) == ("retry", waits["retry_at"])
            await page.say("stop", reply=reply)
            await page.end(reply)
        assert len(upstream.requests) == 1


async def test_seconds_of_the_endpoint_are_waited_for(
    make_server: MakeServer, upstream: Upstream
) -> None:
    model, about = flaky("status?code=429&after=2", 1), f"Hello? {uuid4()}"
    server = make_server(UPSTREAM_TRIES="3", CHAT_MODEL=model)
    server.start()
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        reply = (await page.send(about, model))["reply"]
        waits = await page.get("status", reply=reply, status="running", reason="retry")
        assert abs(_told(waits) - _stored(server, reply)) < timedelta(milliseconds=1)
        end, _ = await page.end(reply)
    assert (end["status"], end["attempt"]) == ("complete", 1)
    first, second = upstream.requests(about)
    assert second["started"] - first["started"] >= 2
    assert first["body"] == second["body"]


async def test_continue_has_its_own_tries_and_goes_on_from_the_text(
    make_server: MakeServer, upstream: Upstream
) -> None:
    model, about = flaky("status?code=503", 2, "reset"), f"Hello? {uuid4()}"
    server = make_server(UPSTREAM_TRIES="3", CHAT_MODEL=model)
    server.start()
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        reply = (await page.send(about, model))["reply"]
        end, kept = await page.end(reply)
        assert (end["status"], end["attempt"]) == ("interrupted", 1)
        mark = len(page.frames)
        await page.go_on(reply)
        await page.get("status", after=mark, reply=reply, status="running", reason="retry")
        end, text = await page.end(reply)
        assert (end["status"], end["attempt"]) == ("interrupted", 2)
    assert text.startswith(kept)
    row = server.database.reply(reply)
    attempts = server.database.rows(
        "SELECT number, json_array_length(tries) AS tries FROM chat_attempt"
        " WHERE reply_id = ? ORDER BY number",
        row["id"],
    )
    assert attempts == [{"number": 1, "tries": 3}, {"number": 2, "tries": 3}]
    assert len(upstream.requests(about)) == 6
