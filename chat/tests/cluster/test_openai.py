"""A call whose reply is written in another process: stopped there, and taken over from there.

And one that is asked for at two processes with one key.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest

from chat.tests.cluster.cluster import Cluster, Node
from chat.tests.live.client import eventually
from chat.tests.live.database import Person
from chat.tests.live.server import ENDLESS, LONG, Upstream
from chat.tests.live.test_openai_http import DONE, Answer, answer, ask, body
from fake_endpoint import expected_text

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


async def test_stream_goes_on_when_the_process_that_writes_is_killed(trio_by_jobs: Cluster) -> None:
    pair = trio_by_jobs
    alice = pair.database.add_person("alice")
    async with AsyncExitStack() as stack:
        one, reply, writing = await served_by_one_written_by_the_other(pair, stack, alice, LONG)
        writing.kill()
        assert await one.rest() == DONE
        assert one.text == expected_text(LONG)
    row = pair.database.reply(reply)
    assert (row["status"], row["attempt"], row["text"]) == ("complete", 2, expected_text(LONG))


async def test_stream_tells_when_the_next_process_says_something_else(
    trio_by_jobs: Cluster, upstream: Upstream
) -> None:
    pair = trio_by_jobs
    alice = pair.database.add_person("alice")
    async with AsyncExitStack() as stack:
        one, reply, writing = await served_by_one_written_by_the_other(pair, stack, alice, ENDLESS)
        upstream.play("From the start 👍")
        writing.kill()
        assert (await one.rest())["error"]["code"] == "reply_began_anew"
    await eventually(lambda: pair.database.reply(reply)["status"] == "complete")


async def test_leaving_stops_what_another_process_writes(
    trio_by_jobs: Cluster, upstream: Upstream
) -> None:
    pair = trio_by_jobs
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


# --- one call, asked for at two processes --------------------------------------------------


def the_call(pair: Cluster) -> dict[str, Any] | None:
    """The only one with a reply, once it is stored."""
    found = pair.database.rows(
        "SELECT reply.uid, reply.status, reply.text, call.waiting FROM chat_apicall AS call"
        " JOIN chat_message AS reply ON reply.id = call.reply_id ORDER BY call.id DESC"
    )
    return found[0] if found else None


async def whole(node: Node, token: str, asked: dict[str, Any], key: str) -> str:
    status, told, _ = await ask(node, token, asked, Idempotency_Key=key)
    assert status == 200
    return str(told["choices"][0]["message"]["content"])


async def streamed(node: Node, token: str, asked: dict[str, Any], key: str) -> str:
    async with answer(node, token, asked, Idempotency_Key=key) as one:
        assert await one.rest() == DONE
        return one.text


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("leaving", [0, 1])
async def test_leaving_one_of_two_processes_stops_nothing(
    pair: Cluster, upstream: Upstream, stream: bool, leaving: int
) -> None:
    alice = pair.database.add_person("alice")
    token = pair.database.add_token(alice, "chat")
    key, about = f"k-{uuid4()}", f"About {uuid4()}"
    asked = body(about, LONG, **({"stream": True} if stream else {}))
    read = streamed if stream else whole
    async with asyncio.TaskGroup() as group:
        clients = [group.create_task(read(node, token, asked, key)) for node in pair.webs]
        await eventually(lambda: (the_call(pair) or {}).get("waiting") == 2, "two that wait")
        clients[leaving].cancel()
        await eventually(lambda: (the_call(pair) or {})["waiting"] == 1, "one that waits")
    assert clients[leaving].cancelled()
    assert clients[1 - leaving].result() == expected_text(LONG)
    assert len(upstream.requests(about)) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_leaving_both_processes_is_stop(
    pair: Cluster, upstream: Upstream, stream: bool
) -> None:
    alice = pair.database.add_person("alice")
    token = pair.database.add_token(alice, "chat")
    key, about = f"k-{uuid4()}", f"About {uuid4()}"
    asked = body(about, ENDLESS, **({"stream": True} if stream else {}))
    read = streamed if stream else whole
    clients = [asyncio.create_task(read(node, token, asked, key)) for node in pair.webs]
    await eventually(lambda: (the_call(pair) or {}).get("waiting") == 2, "two that wait")
    for client in clients:
        client.cancel()
    await asyncio.wait(clients)
    call = the_call(pair)
    assert call is not None
    await stopped(pair, str(call["uid"]))
    assert len(upstream.requests(about)) == 1
    await eventually(
        lambda: upstream.requests(about)[0]["closed_by_client"] is not None, "the upstream let go"
    )
