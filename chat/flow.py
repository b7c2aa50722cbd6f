"""How much one connection may say and may leave unread. No I/O."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable
from uuid import UUID

from chat import protocol

GRAIN = 4096
"""Bytes below which what was sent is noted as one entry, so that a client that never acknowledges
costs little."""


class Allowance:
    """So many in each minute, counted from the first."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._since = 0.0
        self._taken = 0

    def take(self) -> bool:
        """Whether one more is within the allowance; counts it if so."""
        now = self._clock()
        if now - self._since >= 60:
            self._since, self._taken = now, 0
        if self._taken >= self.per_minute:
            return False
        self._taken += 1
        return True

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
        if now - self._turned >= 60:  # who has not asked for a minute has a new one anyway
            self._before = self._of if now - self._turned < 120 else {}
            self._of, self._turned = {}, now
        known = self._of.get(user_id) or self._before.pop(user_id, None)
        if known is None or known.per_minute != per_minute:
            known = Allowance(per_minute, self._clock)
        self._of[user_id] = known
        return known


class Ledger:
    """The bytes of text a client got and has not acknowledged, of all replies it follows."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open = 0
        self._sent: defaultdict[UUID, deque[tuple[int, int, int, int]]] = defaultdict(deque)
        self._blocked_since: float | None = None

    def room(self) -> int:
        """How many bytes may be sent now."""
        return max(0, self._limit - self._open)

    def sent(self, reply: UUID, attempt: int, text: int, reasoning: int, size: int) -> None:
        """Note what was sent: `size` bytes, and the position the client has after it."""
        self._open += size
        entries = self._sent[reply]
        if entries and entries[-1][0] == attempt and entries[-1][3] < GRAIN:
            size += entries.pop()[3]
        entries.append((attempt, text, reasoning, size))

    def acknowledge(self, ack: protocol.Ack) -> None:
        """The client has processed this reply up to here; an ack of an older attempt is late."""
        sent = self._sent.get(ack.reply)
        while sent and (
            sent[0][0] < ack.attempt
            or (
                sent[0][0] == ack.attempt and sent[0][1] <= ack.text and sent[0][2] <= ack.reasoning
            )
        ):
            self._open -= sent.popleft()[3]
            self._blocked_since = None
        if not sent:
            self._sent.pop(ack.reply, None)

    def note(self, blocked_at: float | None) -> None:
        """Whether a follower has to wait for room now, and since when."""
        if blocked_at is None:
            if self.room():
                self._blocked_since = None
        elif self._blocked_since is None:
            self._blocked_since = blocked_at

    def blocked_for(self, now: float) -> float:
        """Seconds for which followers have waited for this client to acknowledge."""
        return now - self._blocked_since if self._blocked_since is not None else 0.0
