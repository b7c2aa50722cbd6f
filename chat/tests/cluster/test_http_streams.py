"""Streams over HTTP on several processes: followed in any, at the cost of no connection."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from chat.tests.cluster.cluster import Cluster
from chat.tests.cluster.conftest import MakeCluster
from chat.tests.live.client import client, eventually
from chat.tests.live.http_client import NDJSON, SSE, ask, events, message, stream
from chat.tests.live.server import ENDLESS, HALF, LONG, THOUGHTS
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio


async def test_a_stream_follows_what_another_process_produces(pair: Cluster) -> None:
    alice = pair.database.add_person("alice")
    for model in (LONG, THOUGHTS):
        body = message(model)
        _, accepted, _ = await ask(pair.webs[0], alice, "POST", "/messages", body)
        reply = accepted["reply"]
        producer = await pair.producer(reply) if model == LONG else pair.webs[0]
        other = pair.other(producer)
        async with (
            events(producer, alice, reply) as here,
            events(other, alice, reply) as there,
            events(other, alice, reply, Accept=NDJSON) as lines,
            stream(other, alice, "POST", "/api/v1/messages", body, Accept=SSE) as again,
        ):
            ends = [await page.end(reply) for page in (here, there, lines, again)]
            assert all(end == ends[0] for end in ends)
            assert ends[0][0]["status"] == "complete"
            assert len({page.shown[reply].reasoning for page in (here, there, lines, again)}) == 1
            if model == LONG:  # the rows alone bring one delta a checkpoint
                assert ends[0][1] == expected_text(LONG)
                assert len(there.of("delta")) > 25
        await pair.holds(accepted)


async def test_a_stream_that_was_cut_is_resumed_in_the_other_process(pair: Cluster) -> None:
    alice = pair.database.add_person("alice")
    _, accepted, _ = await ask(pair.webs[0], alice, "POST", "/messages", message(LONG))
    reply = accepted["reply"]
    producer = await pair.producer(reply)
    async with events(producer, alice, reply) as page:
        await page.has(reply, 100)
        producer.kill()
        assert await page.closed() == -1
        has, last = page.shown[reply], page.last_id
    async with events(pair.other(producer), alice, reply, has=has, Last_Event_ID=last) as page:
        end, text = await page.end(reply)
        assert (end["status"], text) == ("complete", expected_text(LONG))
    await pair.holds(accepted)


async def test_stop_in_another_process_is_answered_by_the_end(pair: Cluster) -> None:
    alice = pair.database.add_person("alice")
    _, accepted, _ = await ask(pair.webs[0], alice, "POST", "/messages", message(HALF))
    reply = accepted["reply"]
    producer = await pair.producer(reply)
    async with events(producer, alice, reply) as page:
        await page.has(reply, 14)
        status, end, _ = await ask(pair.other(producer), alice, "POST", f"/replies/{reply}/stop")
        assert (status, end) == (200, (await page.end(reply))[0])
        assert end["status"] == "stopped"


async def test_open_streams_hold_no_connection_of_the_database(make_cluster: MakeCluster) -> None:
    """The pool has two; twenty streams are open, and whoever else asks is answered."""
    cluster = make_cluster(1, redis=False, DATABASE_CONNECTIONS="8", SOCKETS_PER_USER="20")
    (web,) = cluster.webs
    alice, bob = cluster.database.add_person("alice"), cluster.database.add_person("bob")
    _, accepted, _ = await ask(web, alice, "POST", "/messages", message(ENDLESS))
    reply = accepted["reply"]
    async with AsyncExitStack() as stack:
        pages = []
        for number in range(20):
            accept = (SSE, NDJSON)[number % 2]
            pages.append(await stack.enter_async_context(events(web, alice, reply, Accept=accept)))
            await pages[-1].has(reply, 20)
        for _ in range(10):
            assert (await ask(web, bob, "GET", "/conversations"))[0] == 200
        async with client(web, bob) as his:
            await his.end((await his.send("Meanwhile", "words?n=40&rate=100"))["reply"])
        assert sum(cluster.postgres.connections(cluster.database.name).values()) <= 8
        for page in pages:
            await page.has(reply, len(page.shown[reply].text) + 50)
        assert (await ask(web, alice, "POST", f"/replies/{reply}/stop"))[0] == 200
        texts = {(await page.end(reply))[1] for page in pages}
        assert len(texts) == 1
    await eventually(lambda: web.metric("parley_streams") == 0)
    assert web.metric("parley_followers") == 0
