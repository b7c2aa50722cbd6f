"""Orderly ends: SIGTERM and Ctrl-C lose nothing, whoever sends them and however often."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator

import pytest

from chat.tests.live.client import client, closing, socket
from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import ENDLESS, SHORT, Server, Upstream
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio

SIGNALS = {
    "SIGTERM": [signal.SIGTERM],
    "SIGINT": [signal.SIGINT],
    "SIGTERM twice": [signal.SIGTERM, signal.SIGTERM],
}


@pytest.mark.parametrize("signals", SIGNALS.values(), ids=SIGNALS.keys())
async def test_short_replies_end_and_long_ones_are_handed_over(
    make_server: MakeServer, signals: list[signal.Signals]
) -> None:
    server = make_server(DRAIN_SECONDS="3")
    server.start()
    alice, bob = server.database.add_person("alice"), server.database.add_person("bob")
    async with client(server, alice) as page, client(server, bob) as his:
        long = await page.send("A long one", ENDLESS)
        behind = await page.send(
            "Behind it", SHORT, conversation=long["conversation"], parent=long["reply"]
        )
        await page.has(long["reply"], 30)
        short = await his.send("A short one", SHORT)
        await his.has(short["reply"], 1)
        for number in signals:
            server.signal(number)
            await asyncio.sleep(0.1)  # so that they arrive one by one
        assert [await page.closed(), await his.closed()] == [4412, 4412]
    async with socket(server, alice) as late:  # the port is still open: told at once to come back
        assert await closing(late) == ([], 4412)
    assert server.wait() == 0
    assert server.database.reply(short["reply"])["status"] == "complete"
    assert server.database.reply(short["reply"])["text"] == expected_text(SHORT)
    row = server.database.reply(long["reply"])
    assert (row["status"], row["reason"], row["owner_id"]) == ("queued", "restart", None)
    assert (row["attempt"], row["faults"]) == (1, 0)
    assert len(server.database.text(long["reply"])) >= 30
    assert server.database.reply(behind["reply"])["attempt"] == 0
    assert server.database.rows("SELECT * FROM chat_process") == []


async def test_what_was_handed_over_goes_on_after_the_restart(
    make_server: MakeServer, upstream: Upstream
) -> None:
    server = make_server(DRAIN_SECONDS="0.3")
    server.start()
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        long = await page.send("A long one", ENDLESS)
        behind = await page.send(
            "Behind it", SHORT, conversation=long["conversation"], parent=long["reply"]
        )
        await page.has(long["reply"], 30)
        server.signal(signal.SIGTERM)
        assert await page.closed() == 4412
        shown = page.shown[long["reply"]]
    assert server.wait() == 0
    upstream.play("All of it 👍")
    server.start()
    async with client(server, alice) as page:
        await page.follow(long["reply"], shown)
        await page.follow(behind["reply"])
        end, text = await page.end(long["reply"])
        assert (end["status"], end["attempt"], text) == ("complete", 2, "All of it 👍")
        assert (await page.end(behind["reply"]))[1] == expected_text(SHORT)
    row = server.database.reply(long["reply"])
    assert row["faults"] == 0
    # What the first attempt took is recorded, and counts.
    first, second = server.database.rows(
        "SELECT * FROM chat_attempt WHERE reply_id = ? ORDER BY number", row["id"]
    )
    assert (first["status"], second["status"]) == ("restart", "complete")
    tokens = [json.loads(one["usage"])["completion_tokens"] for one in (first, second)]
    assert min(tokens) > 0
    assert end["usage"]["completion_tokens"] == sum(tokens)
    assert first["first_token_ms"] is not None


async def test_idle_server_ends_at_once(make_server: MakeServer) -> None:
    server = make_server(DRAIN_SECONDS="20")
    server.start()
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        server.signal(signal.SIGTERM)
        assert await page.closed() == 4412
    assert server.wait(15) == 0


@pytest.fixture
def second(site: Server, upstream: Upstream) -> Iterator[Server]:
    """Another server for the file of the shared one."""
    path = site.database.path
    server = Server(path.parent, path, upstream.url, DRAIN_SECONDS="0.1")
    yield server
    server.kill()


async def test_second_server_on_the_same_file_waits_then_names_the_first(
    site: Server, second: Server
) -> None:
    second.begin()
    assert await asyncio.to_thread(second.wait) == 1
    assert f"pid {site.pid}" in second.log
    assert str(site.database.path) in second.log
    assert "Traceback" not in second.log
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        await page.end((await page.send("Still here", SHORT))["reply"])


async def test_second_server_takes_over_when_the_first_ends(
    make_server: MakeServer, upstream: Upstream
) -> None:
    first, second = make_server(), make_server()
    first.start()
    alice = first.database.add_person("alice")
    async with client(first, alice) as page:
        reply = (await page.send("Tell me", ENDLESS))["reply"]
        await page.has(reply, 20)
        upstream.play("All of it 👍")
        second.begin()
        await asyncio.sleep(0.5)
        first.signal(signal.SIGTERM)
        assert await page.closed() == 4412
    assert first.wait() == 0
    second.until_it_answers()
    async with client(second, alice) as page:
        await page.follow(reply)
        end, text = await page.end(reply)
        assert (end["status"], text) == ("complete", "All of it 👍")
