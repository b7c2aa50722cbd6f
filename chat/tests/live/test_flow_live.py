"""Nobody is sent more than they read: what a client has not acknowledged is bounded."""

from __future__ import annotations

import asyncio
import json
from uuid import uuid4

import pytest

from chat.tests.live.client import Client, client, closing, socket
from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import SHORT, TOO_LARGE, Server, Upstream
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio

LIMIT = 256 * 1024
TEXT = expected_text("words?n=80000&seed=3")
assert 2 * LIMIT < len(TEXT.encode()) < 3 * LIMIT


@pytest.fixture
def everything(upstream: Upstream) -> str:
    """The next reply is a long text that comes at once."""
    upstream.play(TEXT, splits=list(range(0, len(TEXT), 1000))[1:])
    return TEXT


def _got(page: Client) -> int:
    """Bytes of text that the client has got."""
    return sum(
        len(frame.get("text", "").encode()) + len(frame.get("reasoning", "").encode())
        for frame in page.frames
        if frame["type"] in ("delta", "snapshot")
    )


async def test_256_kib_come_without_an_ack_and_the_rest_after_it(
    site: Server, everything: str
) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice, acks=False) as page:
        assert page.of("ready")[0]["limits"]["unacknowledged_bytes"] == LIMIT
        reply = (await page.send("Everything", SHORT))["reply"]
        await page.until(lambda: _got(page) > LIMIT - 4 or None)
        await page.get("conversation", event="updated")  # changes are not held back
        await page.sync()
        await asyncio.sleep(0.3)  # several paces: time enough for what must not come
        assert LIMIT - 4 < _got(page) <= LIMIT
        assert page.shown[reply].end is None
        await page.say("ack", reply=reply, **page.shown[reply].position)
        await page.until(lambda: _got(page) > 2 * LIMIT - 8 or None)
        await page.say("ack", reply=reply, **page.shown[reply].position)
        _, text = await page.end(reply)
    assert text == everything


async def test_ack_of_less_makes_room_for_as_much(site: Server, everything: str) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice, acks=False) as page:
        reply = (await page.send("Everything", SHORT))["reply"]
        await page.until(lambda: _got(page) > LIMIT - 4 or None)
        # Of another reply, of another attempt, of nothing: no room.
        for about in (str(uuid4()), reply):
            await page.say("ack", reply=about, attempt=0, text=10**9, reasoning=10**9)
        await page.sync()
        assert _got(page) <= LIMIT
        half = len(page.shown[reply].text) // 2
        await page.say("ack", reply=reply, attempt=1, text=half, reasoning=0)
        size = len(page.shown[reply].text[:half].encode())
        # The server counts in grains of some KiB, so a little less than the half is free.
        await page.until(lambda: _got(page) > LIMIT + size - 70_000 or None)
        await page.sync()
        assert _got(page) <= LIMIT + size


async def test_slow_socket_does_not_hold_up_another(site: Server, everything: str) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice, acks=False) as slow, client(site, alice) as quick:
        reply = (await slow.send("Everything", SHORT))["reply"]
        await quick.follow(reply)
        assert (await quick.end(reply))[1] == everything
        assert slow.shown[reply].end is None


async def test_who_reads_little_need_never_acknowledge(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice, acks=False) as page:
        for _ in range(5):
            await page.end((await page.send("A little", SHORT))["reply"])


async def test_client_that_is_stuck_is_closed_with_4408(
    make_server: MakeServer, upstream: Upstream, everything: str
) -> None:
    server = make_server(SLOW_CLIENT_SECONDS="2", SESSION_CHECK_SECONDS="0.3")
    server.start()
    alice = server.database.add_person("alice")
    bob = server.database.add_person("bob")
    async with (
        client(server, alice, acks=False) as stuck,
        client(server, bob, acks=False) as reader,
        socket(server, alice) as deaf,
    ):
        # One that reads but never acknowledges, and one that does not even read.
        accepted = await stuck.send("Everything", SHORT)
        follow = {"type": "follow", "reply": accepted["reply"]}
        await deaf.send(json.dumps(follow))
        await reader.end((await reader.send("A little", SHORT))["reply"])
        assert await stuck.closed() == 4408
        got, code = await closing(deaf)
        assert code == 4408
        assert sum(map(len, got)) < 2 * LIMIT
        await reader.sync()
        assert reader.code is None
    assert server.database.text(accepted["reply"]) == everything


async def test_reply_of_more_than_a_mebibyte_is_cut_and_says_so(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        end, text = await page.end((await page.send("Too much", TOO_LARGE))["reply"])
    assert (end["status"], end["finish_reason"]) == ("complete", "length")
    assert len(text.encode()) == 1024 * 1024
