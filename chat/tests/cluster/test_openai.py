"""A call whose reply is written in another process: stopped there, and taken over from there."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from bench.upstream import expected_text
from chat.tests.cluster.cluster import Cluster, Node
from chat.tests.live.client import eventually
from chat.tests.live.database import Person
from chat.tests.live.server import ENDLESS, LONG, Upstream
from chat.tests.live.test_openai_http import DONE, Answer, answer, body

pytestmark = pytest.mark.asyncio


async def served_by_one_written_by_the_other(
    pair: Cluster, stack: AsyncExitStack, person: Person, model: str
) -> tuple[Answer, str, Node]:
    """A stream of the first process, its reply, and the process that writes it: not the first."""
    serving = pair.webs[0]
    token = pair.database.add_token(person, "chat")
    for _ in range(50):
        asked = answer(serving, token, body("Tell me", model, stream=True))
        one = await stack.enter_async_context(asked)
        reply = str((await one.next())["id"]).removeprefix("chatcmpl-")
        writing = await pair.producer(reply)
        if writing is not serving:
            await one.has(20)
            return one, reply, writing
        await one.response.aclose()
        await stopped(pair, reply)
    raise AssertionError("the other process never writes")


async def stopped(pair: Cluster, reply: str) -> None:
    await eventually(lambda: pair.database.reply(reply)["status"] == "stopped", "stopped")


async def test_stream_goes_on_when_the_process_that_writes_is_killed(pair: Cluster) -> None:
    alice = pair.database.add_person("alice")
    async with AsyncExitStack() as stack:
        one, reply, writing = await served_by_one_written_by_the_other(pair, stack, alice, LONG)
        writing.kill()
        assert await one.rest() == DONE
        assert one.text == expected_text(LONG)
    row = pair.database.reply(reply)
    assert (row["status"], row["attempt"], row["text"]) == ("complete", 2, expected_text(LONG))


async def test_stream_tells_when_the_next_process_says_something_else(
    pair: Cluster, upstream: Upstream
) -> None:
    alice = pair.database.add_person("alice")
    async with AsyncExitStack() as stack:
        one, reply, writing = await served_by_one_written_by_the_other(pair, stack, alice, ENDLESS)
        upstream.play("From the start 👍")
        writing.kill()
        assert (await one.rest())["error"]["code"] == "reply_began_anew"
    await eventually(lambda: pair.database.reply(reply)["status"] == "complete")


async def test_leaving_stops_what_another_process_writes(pair: Cluster, upstream: Upstream) -> None:
    alice = pair.database.add_person("alice")
    async with AsyncExitStack() as stack:
        one, reply, _ = await served_by_one_written_by_the_other(pair, stack, alice, ENDLESS)
        await one.response.aclose()
        await stopped(pair, reply)
    await eventually(
        lambda: all(
            request["closed_by_client"] is not None or request["ended"] is not None
            for request in upstream.requests("Tell me")
        ),
        "every upstream let go",
    )
