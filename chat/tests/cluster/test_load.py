"""Many replies and many sockets: connections stay within their budget, and nothing stays behind."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from chat.tests.cluster.cluster import Cluster
from chat.tests.cluster.conftest import MakeCluster
from chat.tests.live.client import client, eventually
from chat.tests.live.database import Person
from chat.tests.live.server import ENDLESS, HALF

pytestmark = pytest.mark.asyncio

REPLIES = 100
CONNECTIONS = 8
"""The default of `DATABASE_CONNECTIONS`."""
RECONNECTS = 1000
AT_ONCE = 8
"""Of one person: with their page, as many in each process as may be."""
MEGABYTES = 16
"""The most growth of a process meanwhile; six were measured, none of them kept by sockets."""


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


async def test_thousand_sockets_that_come_and_go_leave_nothing_behind(pair: Cluster) -> None:
    """They follow a reply, and half of them vanish without a word."""
    valkey = pair.valkey
    assert valkey is not None
    people = [pair.database.add_person(name) for name in ("alice", "bob")]

    async def come_and_go(person: Person, reply: str, number: int, times: int) -> None:
        for n in range(times):
            async with client(pair.webs[(number + n) % 2], person) as one:
                await one.follow(reply)
                await one.has(reply, 10)
                if n % 2:
                    one._socket.transport.abort()

    async def all_come_and_go(replies: list[str], times: int) -> None:
        each = times // len(replies) // AT_ONCE + 1
        pairs = zip(people, replies, strict=True)
        await asyncio.gather(
            *(come_and_go(*one, number, each) for one in pairs for number in range(AT_ONCE))
        )

    def counts() -> list[float]:
        names = ("sockets", "followers", "replies_followed")
        return [node.metric(f"parley_{name}") for node in pair.webs for name in names]

    def tasks() -> list[float]:
        return [node.metric("parley_tasks") for node in pair.webs]

    def megabytes() -> list[float]:
        return [node.metric("process_resident_memory_bytes") / 1e6 for node in pair.webs]

    async with AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(client(pair.webs[0], one)) for one in people]
        accepted = [await page.send("Tell me", ENDLESS) for page in pages]
        replies = [item["reply"] for item in accepted]
        for page, reply in zip(pages, replies, strict=True):
            await page.has(reply, 10)
        groups, before = valkey.groups(), counts()
        # Whatever is made once, and kept, is made now.
        await all_come_and_go(replies, RECONNECTS // 10)
        await eventually(lambda: counts() == before, f"{before}")
        clients, usual, memory = valkey.clients(), max(tasks() for _ in range(10)), megabytes()

        await all_come_and_go(replies, RECONNECTS)
        await eventually(lambda: counts() == before, f"{before}")
        await eventually(lambda: valkey.groups() == groups, f"{groups}")
        await eventually(lambda: valkey.clients() <= clients, f"{clients} clients")
        await eventually(
            lambda: all(now <= then for now, then in zip(tasks(), usual, strict=True)), f"{usual}"
        )
        for now, then in zip(megabytes(), memory, strict=True):
            assert now < then + MEGABYTES, (memory, megabytes())
        for page, reply in zip(pages, replies, strict=True):
            await page.say("stop", reply=reply)
            await page.end(reply)
    await pair.holds(*accepted)
