"""What a real server shows too seldom to be tested there: a client that leaves in mid-frame."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest
from autobahn.exception import Disconnected

from chat.consumers import ChatConsumer
from chat.flow import Ledger


@pytest.mark.asyncio
@pytest.mark.parametrize("gone", [Disconnected("closed"), ConnectionResetError()])
async def test_writing_to_a_client_that_has_left_is_no_error(
    gone: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    sent = []

    async def send(message: object) -> None:
        sent.append(message)
        raise gone

    consumer = ChatConsumer()
    consumer.base_send = send
    consumer._closed = False
    consumer._followers = {}
    consumer._ledger = Ledger(1000)
    consumer._outbox = deque(["one", "two"])
    consumer._wanted = asyncio.Event()
    consumer._wanted.set()
    await asyncio.wait_for(consumer._write(), 5)
    assert consumer._closed
    assert len(sent) == 1
    assert not caplog.records
