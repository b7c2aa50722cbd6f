"""Django's backend for SQLite, which gives up in time where a person waits.

All writers of a file wait for one lock. Where a person waits, one tries for two seconds, and not at
all in the moment after somebody has tried in vain.
"""

from __future__ import annotations

import time
from typing import Any

from django.db import OperationalError
from django.db.backends.sqlite3 import base

from chat.database import waiting
from chat.database.folding import contains

STEPS = 20_000
"""Instructions of SQLite between two looks at the clock: some tenths of a millisecond."""


class DatabaseWrapper(base.DatabaseWrapper):
    _limit: float | None = None
    """Time of the monotonic clock at which the running statement is given up."""

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        if waiting.current() is not None:
            params["timeout"] = waiting.CONNECTION_SECONDS
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        connection.create_function("CONTAINS", 2, contains, deterministic=True)
        connection.set_progress_handler(self._is_too_long, STEPS)
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        work = waiting.current()
        if work is None:
            self._limit = None
        else:
            changing = self.in_atomic_block
            self._limit = time.monotonic() + work.left(changing=changing)
        return super().create_cursor(name)

    def _is_too_long(self) -> bool:
        """Asked by SQLite while a statement runs: whether to end it."""
        if self._limit is None:
            return False
        work = waiting.current()
        return work is not None and (work.over or time.monotonic() > self._limit)

    def _start_transaction_under_autocommit(self) -> None:
        if waiting.current() is not None and not waiting.breaker.may_try():
            raise OperationalError("database is locked")
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except OperationalError:
            waiting.breaker.failed()
            raise
        waiting.breaker.answered()
