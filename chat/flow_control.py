"""Limits of frames per minute, and of text that a client has not acknowledged. No I/O."""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from sys import getsizeof
from typing import NamedTuple, Protocol
from uuid import UUID

from chat import protocol

LATE_SECONDS = 2.0
"""A client that acknowledges does so within a second of a frame; one that is later is slow."""
LONGEST_PAUSE = 2.0
"""Seconds between two frames of a growing text to the slowest client."""
GRAIN = 4096
"""Bytes below which frames are noted as one entry, so that a client that never acknowledges
costs little."""


class Allowance:
    """An allowance per minute, counted from the first use."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._since = 0.0
        self._taken = 0

    def take(self) -> bool:
        """True if one more is within the allowance; counts it if so."""
        now = self._clock()
        if now - self._since >= 60:
            self._since, self._taken = now, 0
        if self._taken >= self.per_minute:
            return False
        self._taken += 1
        return True

    def add(self, taken: int) -> None:
        """Count use elsewhere; it may exceed the allowance."""
        now = self._clock()
        if now - self._since >= 60:
            self._since, self._taken = now, 0
        self._taken += taken

    def retry_after(self) -> int:
        """Whole seconds until there is a new allowance, at least one."""
        return max(1, round(self._since + 60 - self._clock()))


class Allowances:
    """One for each user, kept no longer than it counts."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._of: dict[int, Allowance] = {}
        self._before: dict[int, Allowance] = {}
        self._turned = clock()

    def __len__(self) -> int:
        return len(self._of) + len(self._before)

    def of(self, user_id: int, per_minute: int) -> Allowance:
        """This user's, as it was taken from before."""
        now = self._clock()
        if now - self._turned >= 60:  # after a minute without use there is a new one anyway
            self._before = self._of if now - self._turned < 120 else {}
            self._of, self._turned = {}, now
        known = self._of.get(user_id) or self._before.pop(user_id, None)
        if known is None or known.per_minute != per_minute:
            known = Allowance(per_minute, self._clock)
        self._of[user_id] = known
        return known


class Ledger:
    """The bytes of text a client got and has not acknowledged, of all replies it follows.

    Once there is no room, there is none until a quarter of it is free again: a client that frees a
    few bytes at a time would else get as many small frames.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open = 0
        self._sent: defaultdict[UUID, deque[Entry]] = defaultdict(deque)
        self._newest: dict[UUID, float] = {}
        self._acknowledges = False
        self._full = False
        self._blocked_since: float | None = None

    def room(self) -> int:
        """Bytes that may be sent now."""
        free = max(0, self._limit - self._open)
        if self._full and free * 4 < self._limit:
            return 0
        self._full = False
        return free

    def sent(self, reply: UUID, position: protocol.Position, size: int, now: float = 0.0) -> None:
        """Note a sent frame: its size in bytes, and the client's position after it."""
        self._open += size
        self._newest[reply] = now
        entries, since = self._sent[reply], now
        same = entries and entries[-1].position.attempt == position.attempt
        if same and entries[-1].size < GRAIN:
            last = entries.pop()
            size, since = size + last.size, last.since
        entries.append(Entry(position, size, since))

    def acknowledge(self, ack: protocol.Ack) -> None:
        """Note how far the client has processed a reply; one of an older attempt is late."""
        sent = self._sent.get(ack.reply)
        while sent and ack.position.covers(sent[0].position):
            self._open -= sent.popleft().size
            self._blocked_since = None
            self._acknowledges = True
        if not sent:
            self._sent.pop(ack.reply, None)
            self._newest.pop(ack.reply, None)

    def pause(self) -> float:
        """Seconds to leave between two frames of a growing text, so that a slow client gets less
        often more: the longer the later it acknowledges, or the fuller its room is."""
        full = (self._open / self._limit - 0.25) * 4 / 3
        late = 0.0
        if self._acknowledges:  # a client that reads little need never do so, and is not slow
            waits = (self._newest[reply] - sent[0].since for reply, sent in self._sent.items())
            late = (max(waits, default=0.0) - LATE_SECONDS) / 4
        return min(max(0.0, full, late), LONGEST_PAUSE)

    def note(self, blocked_at: float | None) -> None:
        """Note the time since which a follower waits for room, or None."""
        if blocked_at is None:
            if self.room():
                self._blocked_since = None
            return
        self._full = True
        if self._blocked_since is None:
            self._blocked_since = blocked_at

    def blocked_for(self, now: float) -> float:
        """Seconds for which followers have waited for this client to acknowledge."""
        return now - self._blocked_since if self._blocked_since is not None else 0.0


class Entry(NamedTuple):
    """A frame that was sent of a reply, and the position after it."""

    position: protocol.Position
    size: int
    since: float
    """Time at which its first frame was sent."""


class ClientLogin(Protocol):
    """The user of a client."""

    @property
    def user_id(self) -> int: ...


class Held:
    """The bytes of frames that are built and that the server has not yet taken, by user.

    A server that waits for a slow client takes no more, so this is its share of memory. Clients
    that are not logged in (None) do not count.
    """

    def __init__(self) -> None:
        self._bytes: Counter[int] = Counter()
        self._waiting: defaultdict[int, set[Callable[[], None]]] = defaultdict(set)

    def of(self, login: ClientLogin | None) -> int:
        return self._bytes[login.user_id] if login is not None else 0

    def add(self, login: ClientLogin | None, frame: str) -> None:
        if login is not None:
            self._bytes[login.user_id] += getsizeof(frame)

    def remove(self, login: ClientLogin | None, *frames: str) -> None:
        """The server has taken them, or the connection is over."""
        if login is None:
            return
        self._bytes[login.user_id] -= sum(map(getsizeof, frames))
        if self._bytes[login.user_id] <= 0:
            del self._bytes[login.user_id]
        for wake in self._waiting.pop(login.user_id, ()):
            wake()

    @contextmanager
    def during(self, login: ClientLogin | None, frame: str) -> Iterator[None]:
        """Count this frame for as long as the server has not taken it."""
        self.add(login, frame)
        try:
            yield
        finally:
            self.remove(login, frame)

    def wait(self, login: ClientLogin, wake: Callable[[], None]) -> None:
        """Call this once as soon as there is less."""
        self._waiting[login.user_id].add(wake)


held = Held()
