"""Messages on the channel layer, which only make other processes quicker.

Every message may be lost, repeated or reordered, and the layer may be away altogether: the rows
have the same facts, a second or so later. So no caller awaits a send: one task joins groups and
sends, one receives, one listens for its own echo. Where one of them fails, all begin again. The
pub/sub layer reports no lost or new connection; the echo shows both.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

logger = logging.getLogger(__name__)

SEND_SECONDS = 1
ECHO_SECONDS = 5
FIRST_ECHOES = (0.1, 0.4, 1.5)
"""`group_add` returns before Redis has subscribed: the first echo may get lost."""

MISSED_ECHOES = 3
BACK_OFF = (0.2, 0.5, 1, 2, 5)
OUTBOX = 1000
RECEIVED_IN_A_ROW = 50
CHANGED_BYTES = 64 * 1024

type Message = dict[str, Any]
type Handler = Callable[[Message], None]


def process_group(owner: str) -> str:
    """The group of one process, by the uid of its lease (hex)."""
    return f"process.{owner}"


def reply_group(reply: str) -> str:
    return f"reply.{reply}"


def user_group(user_id: int) -> str:
    return f"user.{user_id}"


class Publication(Protocol):
    """Messages that are sent one by one, as fast as the layer takes them and no faster."""

    group: str

    def next_message(self) -> Message | None:
        """The message to send now; None while there is none."""

    def sent(self, message: Message) -> bool:
        """It has left; returns whether there is more."""


class DeliveryLost(Exception):
    """The layer takes messages and delivers none."""


class Notifications:
    """Sends and receives notifications. Until `start`, and with no layer, everything is a no-op."""

    def __init__(self) -> None:
        self.me = ""
        """The uid of this process's lease (hex): the address of messages, and their sender."""
        self.up = False
        """True if the layer has delivered something since the last failure."""
        self.sent = 0
        self.received = 0
        self.dropped = 0
        """Messages that could not be sent, or waited in vain."""
        self.sessions = 0
        """Number of its starts: one more than its failures."""
        self.on_up: Callable[[], None] | None = None
        """Called when the layer delivers (again): earlier messages are lost."""
        self._handlers: dict[str, Handler] = {"echo": self._echoed}
        self._groups: set[str] = set()
        self._joined: set[str] = set()
        self._outbox: deque[tuple[str, Message]] = deque()
        self._publications: dict[Publication, None] = {}
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._regroup = False
        self._asked = self._heard = 0
        self._layer: Any = None
        self._task: asyncio.Task[None] | None = None

    # --- called by the process ------------------------------------------------------------

    def start(self, layer: Any) -> None:
        """Begin to send and to receive, as the process that `rename` has named."""
        self._layer = layer
        self._task = asyncio.create_task(self._run(), name="notifications")

    def rename(self, me: str) -> None:
        """Take the name of a (new) lease, and join the group of that name."""
        if self.me:
            self.leave(process_group(self.me))
        self.me = me
        self.join(process_group(me))

    async def close(self) -> None:
        """Send waiting messages, leave all groups; takes two seconds at most."""
        task, self._task = self._task, None
        if task is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(SEND_SECONDS):
                if self.up:
                    await self._idle.wait()
        task.cancel()
        await asyncio.wait({task}, timeout=SEND_SECONDS)

    def on(self, type: str, handler: Handler) -> None:
        self._handlers[type] = handler

    def join(self, group: str) -> None:
        """Receive messages of a group soon; this is done before later messages are sent."""
        self._groups.add(group)
        self._changed_groups()

    def leave(self, group: str) -> None:
        self._groups.discard(group)
        self._changed_groups()

    def send(self, group: str, message: Message) -> None:
        """Send it when its turn comes, if the layer is there; else drop it."""
        if self._task is None:
            return
        if not self._joined:  # there is no session
            self.dropped += 1
            return
        if len(self._outbox) >= OUTBOX:
            self._outbox.popleft()
            self.dropped += 1
        self._outbox.append((group, message))
        self._idle.clear()
        self._work.set()

    def publish(self, publication: Publication) -> None:
        """Ask the publication for a message, soon."""
        if self._joined:
            self._publications[publication] = None
            self._work.set()

    def _changed_groups(self) -> None:
        self._regroup = True
        self._work.set()

    # --- the tasks ------------------------------------------------------------------------

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                await self._session()
            except* Exception as problems:
                failures = 1 if self.up else failures + 1
                if failures == 1:
                    kinds = sorted({type(one).__name__ for one in problems.exceptions})
                    logger.warning("the channel layer is away: %s", ", ".join(kinds))
            finally:
                self._forget()
                with suppress(Exception):
                    async with asyncio.timeout(SEND_SECONDS):
                        await self._layer.flush()  # closes its connections, too
            await asyncio.sleep(BACK_OFF[min(failures, len(BACK_OFF)) - 1])

    def _forget(self) -> None:
        """End a session, and drop the messages that waited to be sent."""
        self.dropped += len(self._outbox)
        self._outbox.clear()
        self._publications.clear()
        self._joined.clear()
        self.up = False

    async def _session(self) -> None:
        self.sessions += 1
        async with asyncio.timeout(SEND_SECONDS):
            channel = await self._layer.new_channel()
        self._asked = self._heard = 0
        self._regroup = True
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._receive(channel), name="notifications-receive")
            await self._join(channel)
            tasks.create_task(self._send(channel), name="notifications-send")
            tasks.create_task(self._listen(), name="notifications-echo")

    async def _receive(self, channel: str) -> None:
        while True:
            for _ in range(RECEIVED_IN_A_ROW):
                self._received(await self._layer.receive(channel))
            await asyncio.sleep(0)  # waiting messages are received without a pause

    def _received(self, message: Message) -> None:
        self.received += 1
        kind = message.get("type", "")
        handler = self._handlers.get(kind)
        if handler is None or (message.get("from") == self.me and kind != "echo"):
            return
        try:
            handler(message)
        except Exception as problem:  # another version may have sent it
            logger.warning("notifications: a %s failed: %s", kind, type(problem).__name__)

    async def _send(self, channel: str) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            while self._regroup or self._outbox or self._publications:
                if self._regroup:
                    await self._join(channel)
                elif self._outbox:
                    await self._put(*self._outbox.popleft())
                else:
                    await self._put_next_of(next(iter(self._publications)))
            self._idle.set()

    async def _join(self, channel: str) -> None:
        """Bring the groups on the layer to those that are wished for."""
        self._regroup = False
        for group in self._groups - self._joined:
            async with asyncio.timeout(SEND_SECONDS):
                await self._layer.group_add(group, channel)
            self._joined.add(group)
        for group in self._joined - self._groups:
            async with asyncio.timeout(SEND_SECONDS):
                await self._layer.group_discard(group, channel)
            self._joined.discard(group)

    async def _put_next_of(self, publication: Publication) -> None:
        del self._publications[publication]
        message = publication.next_message()
        if message is not None:
            await self._put(publication.group, message)
            if publication.sent(message):
                self._publications[publication] = None  # behind the others

    async def _put(self, group: str, message: Message) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._layer.group_send(group, {**message, "from": self.me})
        except Exception:
            self.dropped += 1
            raise
        self.sent += 1

    # --- whether it delivers --------------------------------------------------------------

    async def _listen(self) -> None:
        pauses = iter(FIRST_ECHOES)
        while True:
            self._asked += 1
            self.send(process_group(self.me), {"type": "echo", "n": self._asked})
            await asyncio.sleep(next(pauses, ECHO_SECONDS))
            if self._asked - self._heard > MISSED_ECHOES:
                raise DeliveryLost

    def _echoed(self, message: Message) -> None:
        if message["from"] != self.me:
            return
        self._heard = max(self._heard, message["n"])
        if not self.up:
            self.up = True
            if self.sessions > 1:
                logger.warning("the channel layer is back")
            if self.on_up is not None:
                self.on_up()


class FirstTime:
    """Tells a frame that comes for the first time from its repetitions."""

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._known: dict[tuple[int, int], None] = {}

    def first(self, user_id: int, seq: int) -> bool:
        if (user_id, seq) in self._known:
            return False
        self._known[user_id, seq] = None
        if len(self._known) > self._limit:
            del self._known[next(iter(self._known))]
        return True


def changed(user_id: int, frames: list[tuple[str, int]]) -> Message:
    """The message about a commit; large frames stay out and are read as changes."""
    size = sum(len(frame) for frame, _ in frames)
    return {
        "type": "changed",
        "user": user_id,
        "seq": max((seq for _, seq in frames), default=0),
        "frames": [list(pair) for pair in frames] if size <= CHANGED_BYTES else [],
    }
