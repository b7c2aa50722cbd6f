"""The caller sets the pace: between two steps nothing is read, and packets join."""

import asyncio

import pytest

from chat.tests.upstream.conftest import Connect, ask, read
from chat.upstream import UpstreamError
from fake_endpoint import FakeEndpoint, expected_text
from fake_endpoint.faults import SHORT

pytestmark = pytest.mark.asyncio


async def test_the_first_token_comes_at_once_and_later_ones_join(connect: Connect) -> None:
    model = "words?n=100&rate=200"
    steps = []
    async with connect().stream(ask(model)) as stream:
        async for batch in stream:
            steps.append(batch.text)
            await asyncio.sleep(0.05)
    text = expected_text(model)
    assert "".join(steps) == text
    # 100 tokens in half a second, read every 50 ms.
    assert len(steps) < 25
    first = next(step for step in steps if step)
    assert len(first) < len(text) / 20


async def test_nothing_is_read_between_two_steps(upstream: FakeEndpoint, connect: Connect) -> None:
    async with connect().stream(ask("words?n=1000000")) as stream:
        await anext(stream)
        sent = -1
        async with asyncio.timeout(10):
            while sent != upstream.chats[0].packets:
                sent = upstream.chats[0].packets
                await asyncio.sleep(0.2)
        # The buffers of the kernel are full, and the upstream waits.
        assert sent < 500_000
        await anext(stream)
        for _ in range(100):
            if upstream.chats[0].packets > sent:
                break
            await anext(stream)
            await asyncio.sleep(0.01)
        assert upstream.chats[0].packets > sent


async def test_an_end_while_paused_is_seen_at_the_next_step(connect: Connect) -> None:
    async with connect().stream(ask("words?n=30")) as stream:
        text = (await anext(stream)).text
        await asyncio.sleep(0.1)
        async for batch in stream:
            text += batch.text
            await asyncio.sleep(0.1)
    assert text == expected_text("words?n=30")
    assert stream.finish_reason == "stop"


async def test_a_step_always_brings_content(upstream: FakeEndpoint, connect: Connect) -> None:
    upstream.play("ab")
    async with connect().stream(ask("any")) as stream:
        batch = await anext(stream)
        assert batch == ("ab", "", False)
        assert (stream.finish_reason, stream.facts.model, stream.ended) == ("stop", "fake", True)
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


async def test_a_reset_while_paused_is_seen_at_the_next_step(connect: Connect) -> None:
    async with connect().stream(ask("reset")) as stream:
        text = (await anext(stream)).text
        await asyncio.sleep(0.3)
        with pytest.raises(UpstreamError, match="broke off"):
            await anext(stream)
    assert text == SHORT


async def test_time_between_steps_is_not_idle_time(connect: Connect) -> None:
    client = connect(first_token_timeout=0.3, idle_timeout=0.1)
    async with client.stream(ask("words?n=20&rate=100")) as stream:
        text = ""
        async for batch in stream:
            text += batch.text
            await asyncio.sleep(0.25)
    assert text == expected_text("words?n=20&rate=100")


async def closed(upstream: FakeEndpoint) -> float:
    """Seconds until the upstream sees that its client is gone."""
    start = asyncio.get_running_loop().time()
    async with asyncio.timeout(1):
        while upstream.open_streams:
            await asyncio.sleep(0.005)
    assert upstream.chats[-1].closed_by_client is not None
    return asyncio.get_running_loop().time() - start


@pytest.mark.parametrize("model", ["stall", "stall?after=head", "stall?after=text", "keepalive"])
async def test_cancelling_closes_the_connection_at_once(
    upstream: FakeEndpoint, connect: Connect, model: str
) -> None:
    client = connect()

    async def follow() -> None:
        async with client.stream(ask(model)) as stream:
            async for _ in stream:
                pass

    task = asyncio.create_task(follow())
    await asyncio.sleep(0.1)
    assert upstream.open_streams == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await closed(upstream) < 0.5


async def test_leaving_while_paused_closes_the_connection_at_once(
    upstream: FakeEndpoint, connect: Connect
) -> None:
    async with connect().stream(ask("words?n=1000&rate=100")) as stream:
        await anext(stream)
        await asyncio.sleep(0.1)
    assert await closed(upstream) < 0.5
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


@pytest.mark.parametrize("model", ["keepalive", "stall", "stalled-refusal"])
async def test_a_watchdog_closes_the_connection_at_once(
    upstream: FakeEndpoint, connect: Connect, model: str
) -> None:
    outcome = await read(connect(first_token_timeout=0.3), model)
    assert outcome.error is not None
    assert await closed(upstream) < 0.5
