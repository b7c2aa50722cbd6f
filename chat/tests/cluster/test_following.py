"""One process produces, any other shows it: the same text, as quickly, and what else changes."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest

from chat.tests.cluster.cluster import Cluster, all_follow
from chat.tests.cluster.conftest import MakeCluster
from chat.tests.live.client import Client, client, eventually
from chat.tests.live.server import ENDLESS, HALF, LONG, SHORT, THOUGHTS, Upstream
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio


async def hears_of(page: Client, uid: str, **fields: object) -> None:
    """A change that tells of this object, with these fields."""

    wanted = {"id": uid, **fields}

    def told() -> bool | None:
        objects = [frame.get(frame["type"]) or frame for frame in page.changes]
        return (
            any(all(one.get(key) == value for key, value in wanted.items()) for one in objects)
            or None
        )

    await page.until(told, f"news of {uid}")


async def knows(page: Client, counter: int) -> None:
    """It was told that there are so many changes."""
    await page.until(lambda: max(frame.get("seq", 0) for frame in page.frames) >= counter or None)


async def test_reply_is_the_same_in_every_process(pair: Cluster) -> None:
    alice = pair.database.add_person("alice")
    one, two = pair.webs
    async with client(one, alice) as here, client(two, alice) as there:
        accepted = await here.send("Tell me", LONG)
        reply = accepted["reply"]
        await there.follow(reply)
        for page in (here, there):
            end, text = await page.end(reply)
            assert (end["status"], end["attempt"], text) == ("complete", 1, expected_text(LONG))
        thoughts = await there.send("Think", THOUGHTS)
        await here.follow(thoughts["reply"])
        await here.end(thoughts["reply"])
        shown, other = here.shown[thoughts["reply"]], there.shown[thoughts["reply"]]
        assert shown.reasoning
        assert await there.end(thoughts["reply"])
        assert shown.reasoning == other.reasoning
        # The rows alone bring one delta a checkpoint at most: these came as they grew.
        for page in (here, there):
            assert len([frame for frame in page.of("delta") if frame["reply"] == reply]) > 25
    await pair.holds(accepted, thoughts)


async def test_first_words_of_a_reply_are_shown_at_once_everywhere(pair: Cluster) -> None:
    """Four seconds of text: whoever waits for rows alone sees a large first piece."""
    alice = pair.database.add_person("alice")
    async with client(pair.webs[0], alice) as one, client(pair.webs[1], alice) as two:
        accepted = await one.send("Tell me", LONG)
        await two.follow(accepted["reply"])
        for page in (one, two):
            await page.end(accepted["reply"])
            first = next(f for f in page.frames if f["type"] in ("delta", "snapshot") and f["text"])
            assert len(first["text"]) < len(expected_text(LONG)) / 3
    await pair.holds(accepted)


async def test_nothing_is_published_that_nobody_elsewhere_follows(pair: Cluster) -> None:
    alice, valkey = pair.database.add_person("alice"), pair.valkey
    assert valkey is not None

    def subscribed() -> bool:
        return any(group in name for name in valkey.groups())

    for _ in range(4):  # until the process that accepts it also produces it
        async with client(pair.webs[0], alice) as page:
            accepted = await page.send("Tell me", ENDLESS)
            group = f"reply.{accepted['reply'].replace('-', '')}"
            await page.has(accepted["reply"], 20)
            alone = await pair.producer(accepted["reply"]) is pair.webs[0]
            if alone:
                assert not subscribed()
                async with client(pair.webs[1], alice) as other:
                    await other.follow(accepted["reply"])
                    await eventually(subscribed)
                    await other.has(accepted["reply"], 100)
            await page.say("stop", reply=accepted["reply"])
            await page.end(accepted["reply"])
            await eventually(lambda: not subscribed())
        if alone:
            break
    await pair.holds(accepted)


async def test_what_somebody_does_in_one_process_is_done_in_all(pair: Cluster) -> None:
    """A message, *Stop*, a new title and a deletion, each seen and effective in the other."""
    alice = pair.database.add_person("alice")
    one, two = pair.webs
    async with client(one, alice) as here, client(two, alice) as there:
        replies = []
        for teller, listener in ((here, there), (there, here)):
            accepted = await teller.send("Tell me", ENDLESS)
            replies.append(accepted)
            await hears_of(listener, accepted["message"])
            await hears_of(listener, accepted["reply"])
            await listener.follow(accepted["reply"])
            await listener.has(accepted["reply"], 30)
            await teller.has(accepted["reply"], 30)
        for accepted, page in zip(replies, (there, here), strict=True):
            await page.say("stop", reply=accepted["reply"])
        for accepted in replies:
            for page in (here, there):
                end, text = await page.end(accepted["reply"])
                assert (end["status"], text) == ("stopped", pair.database.text(accepted["reply"]))
        path = f"/api/v1/conversations/{replies[0]['conversation']}"
        status, _ = await asyncio.to_thread(one.ask, alice, "PATCH", path, {"title": "River"})
        assert status == 200
        await hears_of(there, replies[0]["conversation"], title="River")

        accepted = await there.send("And more", ENDLESS)
        await here.follow(accepted["reply"])
        await here.has(accepted["reply"], 20)
        await there.has(accepted["reply"], 20)
        producer = await pair.producer(accepted["reply"])
        path = f"/api/v1/conversations/{accepted['conversation']}"
        status, _ = await asyncio.to_thread(pair.other(producer).ask, alice, "DELETE", path)
        assert status == 204
        for page in (here, there):
            await page.get("error", reply=accepted["reply"], code="not_found")
        await eventually(lambda: producer.metric("parley_replies_live") == 0)
    await pair.holds(*replies)


async def test_logout_ends_the_sockets_of_its_session_in_every_process(trio: Cluster) -> None:
    """In one of three; another session of the same person goes on, and so does their reply."""
    alice = trio.database.add_person("alice")
    again = trio.database.log_in(alice)
    async with AsyncExitStack() as stack:
        here = [await stack.enter_async_context(client(node, alice)) for node in trio.webs]
        there = [await stack.enter_async_context(client(node, again)) for node in trio.webs]
        accepted = await here[0].send("Tell me", ENDLESS)
        await all_follow([*here, *there], accepted["reply"])
        assert await asyncio.to_thread(trio.webs[1].log_out, alice) == 302
        codes = await asyncio.gather(*(page.closed() for page in here))
        assert codes == [4401, 4401, 4401]
        for page in there:
            await page.has(accepted["reply"], len(page.shown[accepted["reply"]].text) + 50)
        await there[2].say("stop", reply=accepted["reply"])
        ends = [await page.end(accepted["reply"]) for page in there]
        assert ends[0] == ends[1] == ends[2]
    await trio.holds(accepted)


async def test_without_redis_everything_works_by_the_rows(
    make_cluster: MakeCluster, upstream: Upstream
) -> None:
    cluster = make_cluster(2, redis=False)
    alice = cluster.database.add_person("alice")
    one, two = cluster.webs
    about = f"About {uuid4()}"
    async with client(one, alice) as here, client(two, alice) as there:
        accepted = await here.send(about, LONG)
        await there.follow(accepted["reply"])
        for page in (here, there):
            end, text = await page.end(accepted["reply"])
            assert (end["status"], text) == ("complete", expected_text(LONG))
        both = [await page.send("More", HALF) for page in (here, there)]
        for stopped, page in zip(both, (there, here), strict=True):
            await page.follow(stopped["reply"])
            await page.has(stopped["reply"], 10)
            await page.say("stop", reply=stopped["reply"])
            assert (await page.end(stopped["reply"]))[0]["status"] == "stopped"
        queue = [await here.send("One by one", SHORT)]
        queue.append(
            await there.send(
                "And then", SHORT, conversation=queue[0]["conversation"], parent=queue[0]["reply"]
            )
        )
        for item, page in zip(queue, (there, here), strict=True):
            await page.follow(item["reply"])
            assert (await page.end(item["reply"]))[1] == expected_text(SHORT)
        # Changes are read once the counter, which comes with the session check, says so.
        counter = cluster.database.counter(alice)
        for page in (here, there):
            await knows(page, counter)
    assert len(upstream.requests(about)) == 1
    await cluster.holds(accepted, *both, *queue)
