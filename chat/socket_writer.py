"""Writing side of a socket: frames of its user's changes and of the replies it follows.

One task per socket writes: it sends frames that handlers and commits have queued and pulls from the
replies the socket follows, as far as the client acknowledges. The queue has a bound: a client that
does not read learns that it missed changes, not which.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from sys import getsizeof
from typing import Any
from uuid import UUID

import structlog
from autobahn.exception import Disconnected
from django.conf import settings

from chat import protocol, sessions
from chat.flow_control import Ledger, held
from chat.frame_writer import FrameWriter, now
from chat.replies import Follower, process

logger = structlog.stdlib.get_logger(__name__)

FOLLOWED_AT_ONCE = 100
GONE = (OSError, Disconnected)
"""Errors of sending to a client that has left: OSError by ASGI, the other one by daphne."""


class SocketWriter(FrameWriter):
    """The writing side of one logged-in socket, with `send` as its way to the server."""

    def __init__(
        self, login: sessions.Login, send: Callable[[dict[str, Any]], Awaitable[None]]
    ) -> None:
        super().__init__(login)
        self.code: int | None = None
        """The code it was closed with by this server."""
        self._send = send
        self._outbox: deque[str] = deque()
        self._later: deque[str] | None = None
        """Changes that are sent after the block of `holding`."""
        self._queued = 0
        """Bytes of the frames that wait to be sent."""
        self._missed = False
        """True if changes were left out, because too many wait already."""
        self._ledger = Ledger(settings.UNACKNOWLEDGED_BYTES)
        self._text_at = float("-inf")
        """Time of the latest frame with text."""
        self._sending_since: float | None = None
        """Time since which the server has not taken a frame."""
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to send."""
        self._task = asyncio.create_task(self.write(), name=f"socket-{self.login.user_id}")

    def leave(self) -> None:
        super().leave()
        if self._task is not None:
            self._task.cancel()
        if self._timer is not None:
            self._timer.cancel()
        held.remove(self.login, *self._outbox, *(self._later or ()))
        self._outbox.clear()

    async def close(self, code: int) -> None:
        """Close with one of the protocol's codes; nothing is sent after it."""
        if not self.closed:
            self.closed, self.code = True, code
            await self._send({"type": "websocket.close", "code": code})

    def greet(self, frame: str, seq: int) -> None:
        """Queue the first frame, with the user's counter as it stands."""
        self._seq = seq
        self.put(frame)

    def acknowledge(self, ack: protocol.Ack) -> None:
        """Note the client's progress; there may be room for more now."""
        self._ledger.acknowledge(ack)
        self.wanted.set()

    def may_follow(self, uid: UUID) -> bool:
        """True if it may follow this reply beside its others."""
        return uid in self._followers or len(self._followers) < FOLLOWED_AT_ONCE

    def changed(self, frame: str, seq: int) -> None:
        self._seq = max(self._seq, seq)
        if self._missed or self._queued + getsizeof(frame) > settings.HELD_BYTES_PER_SOCKET:
            self._missed = True  # a `ping` with the counter leads to all of them at once
        elif self._later is not None:
            self._count(frame)
            self._later.append(frame)
        else:
            self.put(frame)

    def tick(self, counter: int | None) -> None:
        sending = now() - self._sending_since if self._sending_since is not None else 0.0
        if max(self._ledger.blocked_for(now()), sending) > settings.SLOW_CLIENT_SECONDS:
            process.spawn(self.close(4408), "slow-client")
        elif self._is_silent() or (counter or 0) > self._seq:
            self._seq = max(self._seq, counter or 0)
            if not self._sending_since:
                self.put(protocol.encode(protocol.PingFrame(self._seq)))

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Send changes that come meanwhile after the frames of the block itself."""
        later: deque[str] = deque()
        self._later = later
        try:
            yield
        finally:
            self._later = None
            self._outbox.extend(later)
            self.wanted.set()

    def put(self, frame: str) -> None:
        self._count(frame)
        self._outbox.append(frame)
        self.wanted.set()
        if self._queued > 2 * settings.HELD_BYTES_PER_SOCKET:  # answers to its own frames
            process.spawn(self.close(4408), "slow-client")

    def _count(self, frame: str) -> None:
        self._queued += getsizeof(frame)
        held.add(self.login, frame)

    async def write(self) -> None:
        """The one task that sends; ends with the socket."""
        try:
            while not self.closed:
                await self.wanted.wait()
                self.wanted.clear()
                await self._empty_outbox()
                blocked = False
                for follower in list(self._followers.values()):
                    if self._later is None or not follower.live.gone:
                        blocked = await self._pull(follower) or blocked
                self._ledger.note(now() if blocked else None)
                if self._outbox:
                    self.wanted.set()
        except GONE:
            self.closed = True  # the client was quicker than the news of it
        except Exception:
            # A socket that looks open and says nothing would be an endless spinner.
            logger.exception("socket: writing failed")
            await self.close(4412)

    async def _empty_outbox(self) -> None:
        while self._outbox:
            frame = self._outbox.popleft()
            try:
                await self._emit(frame)
            finally:
                self._queued = max(0, self._queued - getsizeof(frame))
                held.remove(self.login, frame)
        if self._missed:
            self._missed = False
            await self._emit(protocol.encode(protocol.PingFrame(self._seq)))

    async def _pull(self, follower: Follower) -> bool:
        """Send all frames for this follower; True if it waits for the client to acknowledge."""
        ledger = self._ledger
        while True:
            if self._must_wait():
                return False
            at = now()
            pause = self._text_at + ledger.pause() - at
            found = follower.next_frame(ledger.room(), hold=pause > 0)
            if found is None:
                break
            frame, size = found
            if size:
                self._text_at = at
                ledger.sent(follower.live.uid, follower.position, size, at)
            held.add(self.login, frame)
            try:
                await self._emit(frame)
            finally:
                held.remove(self.login, frame)
            if follower.finished:
                self.unfollow(follower)
                return False
            if self._outbox or self._missed:
                await self._empty_outbox()
            if follower.settle():
                return False
        if not follower.behind() or process.following.supply(follower, ledger.room()):
            return False
        if pause > 0 and follower.live.end_frame is None and ledger.room():
            self._wake_in(pause)
            return False
        return True

    def _wake_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.wanted.set)

    async def _emit(self, frame: str) -> None:
        """Hand a frame to the server, which waits while the client does not read."""
        if self.closed:
            return
        self._sent_at = self._sending_since = now()
        try:
            await self._send({"type": "websocket.send", "text": frame})
        finally:
            self._sending_since = None
