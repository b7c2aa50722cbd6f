"""A request without an answer is made again, before the first token only, and users see it wait."""

from __future__ import annotations

import pytest

from bench.upstream import FakeUpstream, expected_text
from chat.tests.live.client import client
from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import SHORT, free_port

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
        async with FakeUpstream(port=port) as upstream:
            end, text = await page.end(reply)
            assert len(upstream.requests) == 1
        assert (end["status"], end["attempt"], text) == ("complete", 1, expected_text(SHORT))
        assert page.shown[reply].statuses[-1]["reason"] is None


async def test_it_gives_up_after_so_many_tries(make_server: MakeServer) -> None:
    async with FakeUpstream() as upstream:
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
    async with FakeUpstream() as upstream:
        server = make_server(upstream_url=upstream.url, UPSTREAM_TRIES="3")
        server.start()
        alice = server.database.add_person("alice")
        async with client(server, alice) as page:
            end, _ = await page.end((await page.send("Hello?", "reset"))["reply"])
        assert end["status"] == "interrupted"
        assert len(upstream.requests) == 1


async def test_stop_ends_the_wait_at_once(make_server: MakeServer) -> None:
    async with FakeUpstream() as upstream:
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
