"""Memory for clients that follow and do not read: bounded, per socket and per user."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import aclosing
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from chat.flow_control import held
from chat.models import Conversation, Reply
from chat.models.messages import Message
from chat.protocol import START, Ack
from chat.replies import process
from chat.replies.pieces import PIECE, pieces
from chat.sessions import Login
from chat.socket_writer import SocketWriter
from chat.streams import ReplyStream

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

MEGABYTE = 1024 * 1024
SOCKETS, REPLIES = 8, 25


@pytest.fixture(autouse=True)
def _started() -> Iterator[None]:
    process.ready.set()
    pieces.clear()
    yield
    process.ready.clear()
    pieces.clear()
    assert not process.connections
    assert not process.following._ended, "what nobody follows is forgotten"


@pytest.fixture
def replies(alice: User, make_conversation: Callable[..., Conversation]) -> list[Reply]:
    """Ended ones of a megabyte each, no two alike."""
    chat = make_conversation(alice)
    question = chat.messages.get(role="user")
    rows = [
        Message(
            conversation=chat, user=alice, parent=question, role="assistant", status="complete",
            attempt=1, text=f"{number:07} " * (MEGABYTE // 8), length=MEGABYTE, reasoning_length=0,
            ended=chat.updated, sha256="0" * 64,
        )
        for number in range(REPLIES)
    ]  # fmt: skip
    Message.objects.bulk_create(rows)
    return list(Reply.objects.filter(length=MEGABYTE).defer("text").order_by("pk"))


class Socket:
    """A client behind a server that takes so many frames with text, and then waits."""

    def __init__(self, alice: User, takes: int) -> None:
        self.frames: list[dict[str, Any]] = []
        self._takes = takes
        self.login = Login(alice.pk, "alice", "session", "hash")
        self.writer = SocketWriter(self.login, lambda message: self.send(message))
        self.writer.enter()
        self.writer.start()

    async def send(self, message: dict[str, Any]) -> None:
        frame = json.loads(message["text"])
        if self._takes <= 0:
            await asyncio.Event().wait()
        self._takes -= "text" in frame
        self.frames.append({**frame, "text": len(frame.get("text", ""))})

    async def follow(self, uid: UUID) -> None:
        self.writer.follow(await process.following.find(self.login.user_id, uid))

    async def leave(self) -> None:
        self.writer.leave()
        await asyncio.sleep(0)


async def quiet() -> None:
    """Wait until nothing more is read, and nothing is built."""
    seen: tuple[int, ...] = ()
    while (now := (pieces.held, *held._bytes.values(), len(process._tasks))) != seen or now[-1]:
        seen = now
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("takes", [0, 2, 10**6])
async def test_eight_sockets_that_read_nothing_hold_no_more_than_the_settings_say(
    alice: User, replies: list[Reply], takes: int, settings: Settings
) -> None:
    """Each follows 25 ended replies of a megabyte, and acknowledges none of it."""
    settings.STORED_TEXT_BYTES = 4 * MEGABYTE
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    sockets = [Socket(alice, takes) for _ in range(SOCKETS)]
    try:
        for socket in sockets:
            for row in replies:
                await socket.follow(row.uid)
        await quiet()
        now, peak = (value - before for value in tracemalloc.get_traced_memory())
        assert pieces.held <= settings.STORED_TEXT_BYTES
        login = sockets[0].login
        assert held.of(login) <= settings.HELD_BYTES_PER_USER
        for socket in sockets:
            assert socket.writer._queued <= settings.HELD_BYTES_PER_SOCKET
            got = sum(frame["text"] for frame in socket.frames)
            assert got <= settings.UNACKNOWLEDGED_BYTES
            assert got >= min(takes * PIECE, settings.UNACKNOWLEDGED_BYTES)
        assert len(process.following._ended) == REPLIES, "they are shared"
        assert max(now, peak) < settings.STORED_TEXT_BYTES + 2 * settings.HELD_BYTES_PER_USER
    finally:
        tracemalloc.stop()
        for socket in sockets:
            await socket.leave()
    assert held.of(login) == 0


async def test_a_reader_gets_the_whole_text_in_pieces_that_all_sockets_share(
    alice: User, replies: list[Reply]
) -> None:
    sockets = [Socket(alice, 10**6) for _ in range(3)]
    (row, *_) = replies
    read: list[int] = []
    take = process.following._read

    async def counted(live: Any, key: Any) -> None:
        read.append(key.at)
        await take(live, key)

    process.following._read = counted  # type: ignore[method-assign]
    try:
        for socket in sockets:
            await socket.follow(row.uid)
        while not all(socket.frames and socket.frames[-1]["type"] == "end" for socket in sockets):
            for socket in sockets:
                got = sum(frame["text"] for frame in socket.frames)
                socket.writer.acknowledge(Ack(row.uid, 1, got, 0))
            await asyncio.sleep(0.01)
    finally:
        del process.following._read
        for socket in sockets:
            await socket.leave()
    assert sorted(read) == list(range(0, MEGABYTE, PIECE)), "each was read once"
    for socket in sockets:
        assert sum(frame["text"] for frame in socket.frames) == MEGABYTE
        assert len(socket.frames) == MEGABYTE // PIECE + 1


@pytest.mark.parametrize("form", ["sse", "ndjson", "openai"])
async def test_a_stream_has_one_frame_in_memory_at_a_time(
    alice: User, replies: list[Reply], form: str, settings: Settings
) -> None:
    login = Login(alice.pk, "alice", "session", "hash")
    settings.STORED_TEXT_BYTES = MEGABYTE
    length = 0
    async with aclosing(ReplyStream(login, form).frames(replies[0].uid, START)) as frames:
        async for frame in frames:
            length += len(json.loads(frame).get("text", ""))
            assert held.of(login) < 2 * PIECE
            assert pieces.held <= MEGABYTE
    assert length == MEGABYTE
    assert held.of(login) == 0


async def test_streams_wait_while_their_user_leaves_too_much_unread(
    alice: User, replies: list[Reply], settings: Settings
) -> None:
    login = Login(alice.pk, "alice", "session", "hash")
    settings.HELD_BYTES_PER_USER = 100_000
    first, second = (ReplyStream(login, "sse").frames(row.uid, START) for row in replies[:2])
    async with aclosing(first), aclosing(second):
        assert json.loads(await anext(first))["type"] == "snapshot"
        assert json.loads(await anext(second))["type"] == "snapshot"
        waits = asyncio.ensure_future(anext(second))  # took its frame, and asks for the next
        await quiet()
        assert waits.done(), "one frame is within the bound"
        more = asyncio.ensure_future(anext(first))
        await quiet()
        assert more.done()
        held.add(login, "x" * 100_000)
        waits = asyncio.ensure_future(anext(second))
        await quiet()
        assert not waits.done()
        held.remove(login, "x" * 100_000)
        assert json.loads(await waits)["type"] == "delta"


async def test_changes_that_find_no_room_are_told_by_the_counter(
    alice: User, settings: Settings
) -> None:
    settings.HELD_BYTES_PER_SOCKET = 10_000
    socket = Socket(alice, 1)
    taken = asyncio.Event()
    read = socket.send

    async def send(message: dict[str, Any]) -> None:
        await taken.wait()
        await read(message)

    socket.send = send  # type: ignore[method-assign]
    for seq in range(1, 101):
        socket.writer.changed(json.dumps({"type": "message", "seq": seq, "fill": "x" * 900}), seq)
        await asyncio.sleep(0)
    assert socket.writer._queued <= 10_000
    taken.set()
    await quiet()
    told = [frame["seq"] for frame in socket.frames if frame["type"] == "message"]
    assert told == list(range(1, len(told) + 1))
    assert len(told) < 15
    assert (socket.frames[-1]["type"], socket.frames[-1]["seq"]) == ("ping", 100)
    await socket.leave()


async def test_a_reply_that_goes_on_while_its_end_is_read_is_followed_on(
    alice: User, replies: list[Reply]
) -> None:
    """Its row is in another attempt when the next piece is read: the follower hears of that."""
    row = replies[0]
    login = Login(alice.pk, "alice", "session", "hash")
    stream = ReplyStream(login, "sse")
    async with aclosing(stream.frames(row.uid, START)) as frames:
        assert json.loads(await anext(frames))["attempt"] == 1
        await asyncio.to_thread(
            Reply.objects.filter(pk=row.pk).update,
            attempt=2, text="Another one.", length=12, seq=row.seq + 1,
        )  # fmt: skip
        types = [json.loads(frame) async for frame in frames]
    assert [frame["type"] for frame in types] == ["snapshot", "end"]
    assert types[0]["text"] == "Another one."


async def test_a_reply_deleted_while_it_is_read_is_not_found(
    alice: User, replies: list[Reply]
) -> None:
    stream = ReplyStream(Login(alice.pk, "alice", "session", "hash"), "ndjson")
    async with aclosing(stream.frames(replies[0].uid, START)) as frames:
        await anext(frames)
        await asyncio.to_thread(Reply.objects.filter(pk=replies[0].pk).delete)
        types = [json.loads(frame) async for frame in frames]
    assert [(frame["type"], frame["code"]) for frame in types] == [("error", "not_found")]
