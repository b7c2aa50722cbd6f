"""Rare events of a real server: a client that leaves in mid-frame."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest
from autobahn.exception import Disconnected
from django.db import OperationalError

from chat import commands, protocol
from chat.consumers import ChatConsumer
from chat.models import Accepted, Reply
from chat.protocol.sentences import BROKEN
from chat.replies import LiveReply, process
from chat.sessions import Login
from chat.socket_writer import SocketWriter

ALICE = Login(7, "alice", "session", "hash")


def a_consumer(send: Any) -> ChatConsumer:
    """One that is connected, and has nothing to say yet."""
    consumer = ChatConsumer()
    consumer._writer = SocketWriter(ALICE, send)
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

    writer = SocketWriter(ALICE, send)
    for frame in ("one", "two"):
        writer.put(frame)
    await asyncio.wait_for(writer.write(), 5)
    assert writer.closed
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

    writer = SocketWriter(ALICE, send)
    row = Reply(uid=uuid4(), status="queued", model="openai/one")
    live = LiveReply(row)
    writer.follow(live)
    writing = asyncio.create_task(writer.write())
    try:
        await asyncio.wait_for(told.wait(), 5)
        with writer.holding():
            live.vanish()
            for _ in range(5):
                await asyncio.sleep(0)
            assert sent == ["status"]
            told.clear()
            writer.put(protocol.encode(protocol.AcceptedFrame(*[live.uid] * 4)))
        while len(sent) < 3:
            told.clear()
            await asyncio.wait_for(told.wait(), 5)
        assert sent == ["status", "accepted", "error"]
    finally:
        writing.cancel()


@pytest.mark.asyncio
@pytest.mark.parametrize("type", ["send", "edit", "regenerate", "continue", "stop", "follow"])
async def test_a_fault_in_a_handler_is_answered_with_the_ids_it_was_asked_with(
    type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def send(_: object) -> None: ...

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a fault")

    for name in ("accept", "stop"):
        monkeypatch.setattr(commands, name, broken)
    monkeypatch.setattr(process.following, "find", broken)
    consumer = a_consumer(send)
    ids = {name: str(uuid4()) for name in ("id", "reply", "message")}
    shapes: dict[str, dict[str, object]] = {
        "send": {"id": ids["id"], "conversation": None, "parent": None, "text": "Hi"},
        "edit": {"id": ids["id"], "message": ids["message"], "text": "Hi"},
        "regenerate": {"id": ids["id"], "reply": ids["reply"]},
        "continue": {"id": ids["id"], "reply": ids["reply"]},
        "stop": {"reply": ids["reply"]},
        "follow": {"reply": ids["reply"], "attempt": 0, "text": 0, "reasoning": 0},
    }
    fields = shapes[type]
    await consumer._received({"text": json.dumps({"type": type, **fields})})
    (frame,) = [json.loads(one) for one in consumer.writer._outbox]
    asked = {name: ids[name] for name in ("id", "reply") if name in fields}
    assert (frame["type"], frame["code"]) == ("error", "unavailable")
    assert {name: frame.get(name) for name in ("id", "reply") if name in frame} == asked
    assert "a fault" not in str(frame)


@pytest.mark.asyncio
@pytest.mark.parametrize("ids", [("id",), ("reply",), ("id", "reply"), ()])
async def test_a_fault_in_parsing_is_answered_with_the_ids_that_can_be_read(
    ids: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def send(_: object) -> None: ...

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(protocol, "parse", broken)
    consumer = a_consumer(send)
    asked = {name: str(uuid4()) for name in ids}
    odd = '["no object"]', "{no JSON", "[" * 100_000, '{"id": 7, "reply": "\\ud800"}'
    for text in (json.dumps(asked | {"type": "send", "text": "Hi"}), *odd):
        await consumer._received({"text": text})
    await consumer._received({"bytes": b"no text"})
    frame, *others = [json.loads(one) for one in consumer.writer._outbox]
    assert {name: frame[name] for name in ("id", "reply") if name in frame} == asked
    assert len(others) == len(odd) + 1
    for one in (frame, *others):
        assert (one["type"], one["code"], one["message"]) == ("error", "unavailable", BROKEN)
    assert all("id" not in one and "reply" not in one for one in others)


@pytest.mark.asyncio
@pytest.mark.parametrize("fault", [RuntimeError("a fault"), OperationalError("away")])
@pytest.mark.parametrize("is_new", [True, False])
async def test_a_fault_after_accepted_is_about_the_reply(
    is_new: bool, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def send(_: object) -> None: ...

    row = Reply(uid=uuid4(), status="queued", model="openai/one")
    key = uuid4()

    async def accept(*_: object) -> Accepted:
        return Accepted(key, uuid4(), uuid4(), row.uid, row if is_new else None)

    def broken(*_: object) -> None:
        raise fault

    async def never_found(*_: object) -> None:
        raise fault

    monkeypatch.setattr(commands, "accept", accept)
    monkeypatch.setattr(process.following, "adopt", broken)
    monkeypatch.setattr(process.following, "find", never_found)
    consumer = a_consumer(send)
    asked = {"id": str(key), "conversation": None, "parent": None, "text": "Hi"}
    await consumer._received({"text": json.dumps({"type": "send", **asked})})
    accepted, error = [json.loads(one) for one in consumer.writer._outbox]
    assert (accepted["type"], accepted["id"]) == ("accepted", str(key))
    assert (error["code"], error["reply"]) == ("unavailable", str(row.uid))
    assert "id" not in error
