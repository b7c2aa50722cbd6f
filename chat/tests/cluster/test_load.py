"""Many replies and many sockets: connections stay within their budget, and nothing stays behind."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from chat.tests.cluster.cluster import Cluster
from chat.tests.cluster.conftest import MakeCluster
from chat.tests.live.client import client, eventually
from chat.tests.live.server import ENDLESS, HALF

pytestmark = pytest.mark.asyncio

REPLIES = 100
CONNECTIONS = 6
RECONNECTS = 320
AT_ONCE = 8


async def test_hundred_live_replies_need_no_more_connections_than_one(
    make_cluster: MakeCluster,
) -> None:
    cluster = make_cluster(2, RUNNING_REPLIES_PER_USER="100", FRAMES_PER_MINUTE="1000")
    alice = cluster.database.add_person("alice")
    most: dict[str, int] = {}

    def count() -> None:
        for name, number in cluster.database.connections().items():
            most[name] = max(most.get(name, 0), number)

    async with AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(client(node, alice)) for node in cluster.webs]
        accepted = []
        for n in range(REPLIES):
            accepted.append(await pages[n % 2].send(f"Number {n}", HALF))
            if n % 10 == 0:
                await asyncio.to_thread(count)
        for n, item in enumerate(accepted):
            await pages[n % 2].has(item["reply"], 10)
        live = [node.metric("parley_replies_live") for node in cluster.webs]
        assert sum(live) == REPLIES
        assert min(live) > 0
        # Pages are loaded meanwhile: views have the same few connections.
        asks = [
            asyncio.to_thread(node.ask, alice, "GET", "/api/v1/conversations")
            for node in cluster.webs
            for _ in range(15)
        ]
        answers = asyncio.gather(*asks)
        while not answers.done():
            await asyncio.to_thread(count)
        assert {status for status, _ in await answers} == {200}
        for n, item in enumerate(accepted):
            await pages[1 - n % 2].say("stop", reply=item["reply"])
        for n, item in enumerate(accepted):
            end, _ = await pages[n % 2].end(item["reply"])
            assert end["status"] == "stopped"
        await asyncio.to_thread(count)
    assert len(most) == 2
    assert max(most.values()) <= CONNECTIONS, most
    await cluster.holds(*accepted)


async def test_sockets_that_come_and_go_leave_nothing_behind(pair: Cluster) -> None:
    """They follow a reply, and half of them vanish without a word."""
    valkey = pair.valkey
    assert valkey is not None
    alice = pair.database.add_person("alice")
    async with client(pair.webs[0], alice) as page:
        accepted = await page.send("Tell me", ENDLESS)
        await page.has(accepted["reply"], 10)
        base = valkey.groups(), valkey.clients()
        names = ("sockets", "followers", "replies_followed")
        before = [node.metric(f"parley_{name}") for node in pair.webs for name in names]

        async def come_and_go(number: int) -> None:
            for n in range(RECONNECTS // AT_ONCE):
                async with client(pair.webs[(number + n) % 2], alice) as one:
                    await one.follow(accepted["reply"])
                    await one.has(accepted["reply"], 10)
                    if n % 2:
                        one._socket.transport.abort()

        await asyncio.gather(*(come_and_go(number) for number in range(AT_ONCE)))

        def now() -> list[float]:
            return [node.metric(f"parley_{name}") for node in pair.webs for name in names]

        await eventually(lambda: now() == before, f"{before}")
        await eventually(lambda: valkey.groups() == base[0], f"{base[0]}")
        await eventually(lambda: valkey.clients() <= base[1], f"{base[1]} clients")
        await page.say("stop", reply=accepted["reply"])
        await page.end(accepted["reply"])
    await pair.holds(accepted)
