"""A slow reader gets fewer, larger frames, never more and smaller ones: in counts."""

from __future__ import annotations

import json
from collections import deque
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import Settings

from chat import socket_writer
from chat.flow_control import Ledger
from chat.protocol import Ack, Position
from chat.replies import Follower, LiveReply
from chat.sessions import Login
from chat.socket_writer import SocketWriter

LIMIT = 256 * 1024
TOKEN = "token " * 20
"""The bytes of one pace: 120."""


class Client:
    """Follows one growing reply on a clock of its own; processes so many frames a second."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, per_second: float, acks: bool) -> None:
        self.now = 1000.0
        monkeypatch.setattr(socket_writer, "now", lambda: self.now)
        row: Any = SimpleNamespace(
            pk=1, uid=uuid4(), user_id=1, conversation_id=1, model="a/b", seq=1, attempt=1,
            status="running", reason="", retry_at=None, ended=None,
        )  # fmt: skip
        self.live = LiveReply(row)
        self.sizes: list[int] = []
        self._arrived: deque[tuple[int, int]] = deque()
        self._every = 1 / per_second
        self._acks, self._acked_at = acks, 0.0
        self._free_at = self.now
        self.writer = SocketWriter(Login(1, "alice", "session", "hash"), self._send)
        self.writer._wake_in = lambda seconds: None  # type: ignore[method-assign]
        self.follower = self.writer.follow(self.live, Position(1))

    async def _send(self, message: dict[str, Any]) -> None:
        frame = json.loads(message["text"])
        if frame["type"] in {"delta", "snapshot"}:
            self.sizes.append(len(frame["text"]))
            self._arrived.append((frame["attempt"], frame["at"] + len(frame["text"])))

    def _process(self) -> None:
        """As the page does: an `ack` after at least a second or 64 KiB."""
        while self._arrived and self._free_at <= self.now:
            attempt, at = self._arrived.popleft()
            self._free_at = max(self._free_at, self.now) + self._every
            if self._acks and self.now - self._acked_at >= 1:
                self._acked_at = self.now
                self.writer._ledger.acknowledge(Ack(self.live.uid, attempt, at, 0))

    async def read(self, seconds: int) -> Client:
        for _ in range(seconds * 25):
            self.live.append(TOKEN, "")
            await self.writer._pull(self.follower)
            self._process()
            self.now += 0.04
        return self


async def sizes(
    monkeypatch: pytest.MonkeyPatch, per_second: float, *, acks: bool = True
) -> list[int]:
    return (await Client(monkeypatch, per_second, acks).read(60)).sizes


@pytest.mark.asyncio
async def test_the_slower_a_client_acknowledges_the_fewer_and_larger_are_its_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick, slow, slower = [await sizes(monkeypatch, rate) for rate in (1000, 10, 1)]
    assert len(quick) == 60 * 25
    assert len(slow) < len(quick) / 2
    assert len(slower) < len(quick) / 10
    for frames in (slow, slower):
        assert max(frames) > 4 * max(quick)
        assert sum(frames) > 0.9 * sum(quick), "it gets as much"


@pytest.mark.asyncio
async def test_a_client_that_reads_little_need_not_acknowledge_to_be_quick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frames = await sizes(monkeypatch, 1000, acks=False)
    assert sum(frames[:500]) < LIMIT / 4
    assert set(frames[:500]) == {len(TOKEN)}, "each pace has its frame"


@pytest.mark.parametrize("acked", [100, 1000, 10_000, 64 * 1024, LIMIT])
def test_who_acknowledges_in_small_pieces_gets_no_more_frames_than_who_does_so_in_large(
    acked: int,
) -> None:
    """One MiB that is there at once, to a client that frees so many bytes at a time."""
    row: Any = SimpleNamespace(
        pk=1, uid=uuid4(), user_id=1, conversation_id=1, model="a/b", seq=1, attempt=1,
        status="running", reason="", retry_at=None, ended=None,
    )  # fmt: skip
    live = LiveReply(row, "x" * 2**20)
    follower, ledger = Follower(live, lambda: None, Position(1)), Ledger(LIMIT)
    frames, read = [], 0
    while follower.text < 2**20:
        found = follower.next_frame(ledger.room())
        if found is not None:
            frames.append(found[1])
            ledger.sent(live.uid, follower.position, found[1])
            continue
        ledger.note(1.0)
        read += acked
        ledger.acknowledge(Ack(live.uid, 1, read, 0))
    assert len(frames) <= 2**20 / (64 * 1024) + 2
    assert min(frames[:-1]) >= 32 * 1024


def test_a_socket_that_waits_for_room_starts_again_with_a_quarter_of_it() -> None:
    ledger, reply = Ledger(1000), uuid4()
    for at in range(100, 1001, 100):
        ledger.sent(reply, Position(1, at * 50), 100)
    ledger.note(5.0)
    assert ledger.room() == 0
    ledger = Ledger(100_000)
    for at in range(10):
        ledger.sent(reply, Position(1, at + 1), 10_000)
    ledger.note(5.0)
    rooms = []
    for at in range(10):
        ledger.acknowledge(Ack(reply, 1, at + 1, 0))
        rooms.append(ledger.room())
    assert rooms == [0, 0, *range(30_000, 100_001, 10_000)]


@pytest.mark.asyncio
async def test_news_without_text_and_the_end_are_never_held_back(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    client = Client(monkeypatch, 1, acks=True)
    await client.read(20)
    assert client.writer._ledger.pause() > 0
    assert client.follower.behind()
    live = client.live
    row: Any = SimpleNamespace(
        uid=live.uid, attempt=1, status="complete", finish_reason="stop", error_code="",
        error_message="", length=live.text.length, sha256="", usage=None, reasoning_length=0,
        first_token_ms=1, reasoning_ms=None, total_ms=2, shown_cost=None, left_out=0, model="a/b",
        text=live.text.whole(), reasoning="",
    )  # fmt: skip
    live.finish(row)
    await client.writer._pull(client.follower)
    assert client.follower.finished
    assert sum(client.sizes) == live.text.length
