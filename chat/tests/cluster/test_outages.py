"""Redis or the database goes away and comes back: that costs delay, no text, and no restart."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack

import pytest

from chat.tests.cluster.cluster import Cluster, Node, all_follow, grows_as_it_is_written
from chat.tests.cluster.conftest import MakeCluster
from chat.tests.cluster.valkey import Valkey
from chat.tests.live.client import client, eventually
from chat.tests.live.server import ENDLESS, LONG, SHORT
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio


def is_subscribed(node: Node, valkey: Valkey) -> bool:
    """True if others can tell this process something."""
    row = node.row
    return row is not None and any(f"process.{row['uid'].hex}" in name for name in valkey.groups())


async def _restart(valkey: Valkey) -> None:
    valkey.kill()
    await asyncio.sleep(1)
    valkey.start()


async def _flush(valkey: Valkey) -> None:
    valkey.ask("FLUSHALL")


async def _cut(valkey: Valkey) -> None:
    """Every connection is broken, and no more than that."""
    for kind in ("normal", "pubsub"):
        valkey.ask("CLIENT", "KILL", "TYPE", kind)


async def test_what_happens_to_redis_costs_no_text_and_no_restart(pair: Cluster) -> None:
    valkey = pair.valkey
    assert valkey is not None
    alice = pair.database.add_person("alice")
    pids = [node.pid for node in pair.webs]
    async with AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(client(node, alice)) for node in pair.webs]
        accepted = [await page.send("Tell me", ENDLESS) for page in pages]
        replies = [item["reply"] for item in accepted]
        await all_follow(pages, *replies)
        for fault in (_restart, _flush, _cut):
            await fault(valkey)
            for page in pages:
                for reply in replies:
                    await grows_as_it_is_written(page, reply)
        for reply, page in zip(replies, pages, strict=True):
            await page.say("stop", reply=reply)
        for reply in replies:
            for page in pages:
                end, text = await page.end(reply)
                assert (end["status"], end["attempt"]) == ("stopped", 1)
                assert expected_text(ENDLESS).startswith(text)
                assert text == pair.database.text(reply)
    assert pids == [node.pid for node in pair.webs]
    await pair.holds(*accepted)


async def test_redis_that_is_down_at_the_start_is_found_when_it_comes(
    make_cluster: MakeCluster, valkey: Valkey
) -> None:
    valkey.kill()
    cluster = make_cluster(2)
    alice = cluster.database.add_person("alice")
    one, two = cluster.webs
    async with client(one, alice) as here, client(two, alice) as there:
        first = await here.send("Without", SHORT)
        await there.follow(first["reply"])
        assert (await there.end(first["reply"]))[1] == expected_text(SHORT)
        valkey.start()
        for node in cluster.webs:
            await eventually(lambda node=node: is_subscribed(node, valkey))  # type: ignore[misc]
        second = await here.send("With", ENDLESS)
        await there.follow(second["reply"])
        for page in (here, there):
            await grows_as_it_is_written(page, second["reply"])
        await there.say("stop", reply=second["reply"])
        assert await there.end(second["reply"]) == await here.end(second["reply"])
    await cluster.holds(first, second)


async def test_database_that_is_away_for_seconds_costs_nothing_that_was_accepted(
    pair: Cluster,
) -> None:
    """Longer than a lease, in the middle of two replies and at the end of a third."""
    alice = pair.database.add_person("alice")
    pids = [node.pid for node in pair.webs]
    async with AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(client(node, alice)) for node in pair.webs]
        accepted = [await page.send("Tell me", LONG) for page in pages]
        accepted.append(await pages[0].send("Endless", ENDLESS))
        replies = [item["reply"] for item in accepted]
        await all_follow(pages, *replies)
        pair.postgres.stop("immediate")
        mark = [len(page.frames) for page in pages]
        await asyncio.sleep(4)
        grown = [
            sum(frame["type"] == "delta" for frame in page.frames[at:])
            for page, at in zip(pages, mark, strict=True)
        ]
        pair.postgres.start()
        assert min(grown) > 20  # the text went on meanwhile, in both
        for reply in replies[:2]:
            for page in pages:
                end, text = await page.end(reply)
                assert (end["status"], text) == ("complete", expected_text(LONG))
        await pages[1].say("stop", reply=replies[2])
        ends = [await page.end(replies[2]) for page in pages]
        assert ends[0] == ends[1]
        assert expected_text(ENDLESS).startswith(ends[0][1])
        assert ends[0][1] == pair.database.text(replies[2])
        later = await pages[0].send("Once more", SHORT)
        await pages[0].end(later["reply"])
    assert pids == [node.pid for node in pair.webs]
    assert all(node.running for node in pair.webs)
    await pair.holds(*accepted, later)


async def test_process_that_ends_without_its_database_does_so_in_time(pair: Cluster) -> None:
    """Platforms kill after 30 seconds. What it could not hand over is taken over."""
    alice = pair.database.add_person("alice")
    async with AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(client(node, alice)) for node in pair.webs]
        accepted = await pages[0].send("Tell me", ENDLESS)
        reply = accepted["reply"]
        leaving = await pair.producer(reply)
        watching = pages[1] if leaving is pair.webs[0] else pages[0]
        await all_follow(pages, reply)
        pair.postgres.stop("immediate")
        leaving.signal(signal.SIGTERM)
        assert await asyncio.to_thread(leaving.wait, 30) == 0
        pair.postgres.start()
        await watching.until(lambda: watching.shown[reply].attempt == 2 or None)
        await watching.has(reply, 30)
        await watching.say("stop", reply=reply)
        end, text = await watching.end(reply)
        assert (end["status"], text) == ("stopped", pair.database.text(reply))
    await pair.holds(accepted)
