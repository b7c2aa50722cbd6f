"""Threads for database work that is not an HTTP request's.

Channels runs all database work of all sockets on one shared thread, where one slow query stalls
every socket. Here sockets, generation and the lease have a thread each, so that none waits on
another; with Postgres each call borrows its connection from Django's pool for as long as it runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from django.conf import settings
from django.db import DataError, IntegrityError, close_old_connections, connection

BAD_DATA = (DataError, IntegrityError, UnicodeEncodeError)
"""What the data of one row is to blame for; a repetition fails the same way."""


class Thread:
    """One named thread; calls run one after the other, in order.

    With `keeps` it has a connection of its own, which never waits for the pool.
    """

    def __init__(self, name: str, *, keeps: bool = False) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"parley-{name}")
        self._keeps = keeps

    async def run[**P, T](self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a sync unit of work; once begun it is carried out even if the caller is cancelled."""
        call = partial(self._with_connection, partial(function, *args, **kwargs))
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)

    def _with_connection[T](self, function: Callable[[], T]) -> T:
        self._tidy()
        try:
            return function()
        finally:
            self._tidy()

    def _tidy(self) -> None:
        # A file stays open in its thread (opening it costs more than most of our queries), unless
        # something went wrong; a pooled connection goes back to the pool after each call.
        if (settings.SQLITE or self._keeps) and not connection.errors_occurred:
            return
        close_old_connections()


SOCKETS = Thread("sockets")
GENERATION = Thread("generation")
LEASE = Thread("lease", keeps=True)
