"""Threads for database work that is not an HTTP request's.

Channels runs all database work of all sockets on one shared thread, where one slow query stalls
every socket. Here sockets, generation and the lease have threads of their own, so that none waits
on another, and one user's waiting keeps one thread at most: calls made for a user run
in order, one at a time. With Postgres generation and the lease keep their connections; sockets
borrow one of the pool that they share with requests, for as long as a call runs.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from django.conf import settings
from django.db import DataError, IntegrityError, OperationalError, close_old_connections, connection
from django.db import Error as DatabaseError

from chat.database import waiting
from chat.database.faults import troubles

BAD_DATA = (DataError, IntegrityError, UnicodeEncodeError)
"""Errors of the data of one row; a repetition fails the same way."""


class DatabaseCall:
    """One call that waits for its thread, or runs in it."""

    def __init__(self, function: Callable[[], Any], user_id: int | None) -> None:
        self.user_id = user_id
        self.asked_at = time.monotonic()
        self._function = function
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self._loop.create_future()

    def carry_out(self) -> None:
        """Run it, unless nobody waits for it any more, and hand over the result."""
        if self.future.done():
            return
        try:
            found, problem = self._function(), None
        except BaseException as raised:
            found, problem = None, raised
        with suppress(RuntimeError):  # its loop is closed
            self._loop.call_soon_threadsafe(self._resolve, found, problem)

    def _resolve(self, found: Any, problem: BaseException | None) -> None:
        if self.future.done():
            return  # its caller has left, or was refused after too long a wait
        if problem is None:
            self.future.set_result(found)
        else:
            self.future.set_exception(problem)

    def expire(self) -> None:
        if not self.future.done():
            self.future.set_exception(OperationalError("the database did not answer in time"))


class Lane:
    """A few threads for one kind of work; calls for a user run in order.

    With `hurried` each call is something that a person waits for: it fails with
    `OperationalError` within three seconds, also while its turn has not come. Without, its
    threads keep a connection each, which never waits for the pool.
    """

    def __init__(self, name: str, threads: int = 1, *, hurried: bool = False) -> None:
        self._name = name
        self._threads = threads
        self._hurried = hurried
        self._changed = threading.Condition()
        self._ready: deque[DatabaseCall] = deque()
        self._lines: dict[int, deque[DatabaseCall]] = {}
        """By user: calls that wait for the one that is ready or runs."""
        self._started = 0
        self._idle = 0

    async def run[**P, T](self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a sync unit of work; once begun it is carried out even if the caller is cancelled."""
        return await self._ask(None, partial(function, *args, **kwargs))

    async def run_for[**P, T](
        self, user_id: int, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The same after all else that was asked before for this user."""
        return await self._ask(user_id, partial(function, *args, **kwargs))

    async def _ask[T](self, user_id: int | None, function: Callable[[], T]) -> T:
        call = DatabaseCall(partial(self._with_connection, function, time.monotonic()), user_id)
        self._put(call)
        timer = None
        if self._hurried:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(waiting.CALLER_SECONDS, call.expire)
        try:
            found: T = await call.future
            return found
        finally:
            if timer is not None:
                timer.cancel()

    # --- whose turn it is -----------------------------------------------------------------

    def _put(self, call: DatabaseCall) -> None:
        with self._changed:
            if call.user_id is not None:
                line = self._lines.get(call.user_id)
                if line is not None:
                    line.append(call)
                    return
                self._lines[call.user_id] = deque()
            self._ready.append(call)
            self._rouse()

    def _rouse(self) -> None:
        if len(self._ready) > self._idle and self._started < self._threads:
            self._start()
        else:
            self._changed.notify()

    def _start(self) -> None:
        # Daemons: a wait in one of them must not keep the process from ending.
        self._started += 1
        name = f"parley-{self._name}-{self._started}"
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def _work(self) -> None:
        while True:
            call = self._next()
            call.carry_out()
            self._done(call)
            del call  # with all that it holds

    def _next(self) -> DatabaseCall:
        with self._changed:
            while not self._ready:
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
            return self._ready.popleft()

    def _done(self, call: DatabaseCall) -> None:
        if call.user_id is None:
            return
        with self._changed:
            line = self._lines[call.user_id]
            if not line:
                del self._lines[call.user_id]
                return
            self._ready.append(line.popleft())
            self._rouse()

    # --- in the thread --------------------------------------------------------------------

    def _with_connection[T](self, function: Callable[[], T], asked_at: float) -> T:
        self._tidy()
        try:
            if not self._hurried:
                return self._unhurried(function)
            seconds = waiting.PERSON_SECONDS - (time.monotonic() - asked_at)
            with waiting.within(seconds):
                return function()
        except DatabaseError as problem:
            troubles.note(problem)
            raise
        finally:
            self._tidy()

    def _unhurried[T](self, function: Callable[[], T]) -> T:
        found = function()
        if not settings.SQLITE:
            waiting.breaker.answered()
        return found

    def _tidy(self) -> None:
        # A file stays open in its thread (opening it costs more than most of our queries), and a
        # connection of one's own too, unless something went wrong; one of the pool goes back.
        if (settings.SQLITE or not self._hurried) and not connection.errors_occurred:
            return
        close_old_connections()


# With SQLite all writers wait for one lock: a second thread would only wait beside the first.
SOCKETS = Lane("sockets", 2, hurried=True)
GENERATION = Lane("generation", 1 if settings.SQLITE else 2)
LEASE = Lane("lease")
PROBE = Lane("probe", hurried=True)
"""Asks now and then, as a request does, whether there is a connection for it."""
