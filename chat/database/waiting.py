"""Limits of waiting for the database, and a breaker after waits in vain.

A person gets an answer within three seconds, whatever the database does. The backends
(`chatproject/backends/`) keep these limits; no other code has to.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

PERSON_SECONDS = 2.2
"""All waiting of one request or frame; the rest of three seconds is for the answer."""
CALLER_SECONDS = 2.8
"""Time after which the caller is refused, even if a thread still waits."""
CONNECTION_SECONDS = 2.0
"""For a connection of the pool."""
LEAST_SECONDS = 1.0
"""Time that one statement has in any case, as a request of minutes may end in one."""
PAUSE_SECONDS = 1.0
"""Time for which nobody tries again after a wait in vain."""


CHANGE_SECONDS = 20.0
"""Time for a statement within a patient change: a large deletion, by staff or an owner."""


class Interruptible(Protocol):
    """A connection in use, whose statement another thread may break off."""

    def interrupt(self) -> object: ...


class Work:
    """The database work of one request or call, which others may break off."""

    def __init__(self, seconds: float, *, patient: bool = False) -> None:
        self.until = time.monotonic() + seconds
        self.patient = patient
        """True if a change that has begun may take longer."""
        self.over = False
        """True if it was broken off: no further statement is worth beginning."""
        self._lock = threading.Lock()
        self._connection: Interruptible | None = None

    def left(self, *, changing: bool = False) -> float:
        """Seconds that the next statement may take; `changing`, within a transaction."""
        if changing and self.patient:
            return CHANGE_SECONDS
        return max(self.until - time.monotonic(), LEAST_SECONDS)

    def uses(self, connection: Interruptible | None) -> None:
        """Say which connection a statement runs on; None, that it is over."""
        with self._lock:
            self._connection = connection

    def break_off(self) -> None:
        """Nobody waits for it any more: end the statement that runs. From any thread."""
        with self._lock:
            self.over = True
            if self._connection is not None:
                self._connection.interrupt()


_work: ContextVar[Work | None] = ContextVar("work", default=None)


@contextmanager
def within(seconds: float, *, patient: bool = False) -> Iterator[Work]:
    """Limit the database work of this block, also in its threads, as a person waits for it."""
    work = Work(seconds, patient=patient)
    token = _work.set(work)
    try:
        yield work
    finally:
        _work.reset(token)


def current() -> Work | None:
    """The work that a person waits for here; None for upkeep and commands."""
    return _work.get()


class Breaker:
    """Refuses at once after somebody has waited in vain.

    For a moment nobody tries again for whom a person waits. Then one does, and the others only
    when it was answered. Work that nobody waits for may always try, and reports the result.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed_at: float | None = None
        self._answered_at = float("-inf")

    @property
    def is_open(self) -> bool:
        """True if the last try got no answer."""
        return self._closed_at is not None

    def may_try(self) -> bool:
        """True if the caller should try; it then has to report the result."""
        if self._closed_at is None:
            return True
        now = time.monotonic()
        with self._lock:
            if self._closed_at is None:
                return True
            if now - self._closed_at < PAUSE_SECONDS:
                return False
            self._closed_at = now + CALLER_SECONDS - PAUSE_SECONDS  # the others wait for this one
            return True

    def answered(self) -> None:
        self._answered_at = time.monotonic()
        if self._closed_at is not None:
            with self._lock:
                self._closed_at = None

    def failed(self, since: float | None = None) -> None:
        """Note that there was no answer; with `since`, unless somebody else got one after that."""
        with self._lock:
            if since is None or self._answered_at < since:
                self._closed_at = time.monotonic()


breaker = Breaker()
"""Of the one database of this process."""
