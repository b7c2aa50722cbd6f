"""What a real server shows too seldom to be tested there: a client that leaves in mid-frame."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any
from uuid import uuid4

import pytest
from autobahn.exception import Disconnected

from chat import protocol
from chat.consumers import ChatConsumer
from chat.flow import Ledger
from chat.models import Reply
from chat.replies import Follower, LiveReply


def a_consumer(send: Any) -> ChatConsumer:
    """One that is connected, and has nothing to say yet."""
    consumer = ChatConsumer()
    consumer.base_send = send
    consumer._closed = False
    consumer._followers = {}
    consumer._ledger = Ledger(1000)
    consumer._outbox = deque()
    consumer._later = None
    consumer._wanted = asyncio.Event()
    consumer._wanted.set()
    return consumer


@pytest.mark.asyncio
@pytest.mark.parametrize("gone", [Disconnected("closed"), ConnectionResetError()])
async def test_writing_to_a_client_that_has_left_is_no_error(
    gone: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    sent = []

    async def send(message: object) -> None:
        sent.append(message)
        raise gone

    consumer = a_consumer(send)
    consumer._outbox += ["one", "two"]
    await asyncio.wait_for(consumer._write(), 5)
    assert consumer._closed
    assert len(sent) == 1
    assert not caplog.records


@pytest.mark.asyncio
async def test_accepted_comes_before_the_news_that_the_reply_is_gone() -> None:
    """The commit of a withdrawal is heard of before the answer to it is there."""
    sent: list[str] = []
    told = asyncio.Event()

    async def send(message: dict[str, str]) -> None:
        sent.append(json.loads(message["text"])["type"])
        told.set()

    consumer = a_consumer(send)
    row = Reply(uid=uuid4(), status="queued", model="openai/one")
    live = LiveReply(row)
    consumer._followers[live.uid] = Follower(live, consumer._wanted.set)
    writer = asyncio.create_task(consumer._write())
    try:
        await asyncio.wait_for(told.wait(), 5)
        with consumer._holding():
            live.vanish()
            for _ in range(5):
                await asyncio.sleep(0)
            assert sent == ["status"]
            told.clear()
            consumer._put(protocol.build("accepted"))
        while len(sent) < 3:
            told.clear()
            await asyncio.wait_for(told.wait(), 5)
        assert sent == ["status", "accepted", "error"]
    finally:
        writer.cancel()
