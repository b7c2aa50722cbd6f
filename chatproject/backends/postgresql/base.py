"""Django's backend for Postgres, which gives up in time where a person waits.

Requests and sockets share the pool. Work that nobody waits for (upkeep, commands) has a
connection of its own, so that it never waits for one of those.
"""

from __future__ import annotations

import time
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg import errors

from chat.database import waiting

CANCEL_SECONDS = 0.3


class PatientConnection(psycopg.Connection[Any]):
    """A connection that waits for an answer only as long as the work it is used for may take.

    Postgres has limits of its own for statements and locks, but one that is stopped, or whose
    network is gone, does not keep to them.
    """

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        work = waiting.current()
        if work is None or timeout is not None:
            return super().wait(gen, interval, timeout)
        if work.over:
            raise errors.QueryCanceled("nobody waits for it any more")
        changing = self.pgconn.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        seconds = work.left(changing=changing)
        work.uses(self)
        try:
            found = super().wait(gen, interval, seconds)
        except errors._WaitTimeout:
            # One that still takes requests to cancel is only slow with this one statement.
            if not self.interrupt():
                waiting.breaker.failed()
            self.close()
            raise errors.QueryCanceled(f"no answer within {seconds:.1f} s") from None
        finally:
            work.uses(None)
        waiting.breaker.answered()
        return found

    def interrupt(self) -> bool:
        """Ask the server to break off the running statement; True if it took the request."""
        try:
            self.cancel_safe(timeout=CANCEL_SECONDS)
        except psycopg.Error:
            return False
        return True


class DatabaseWrapper(base.DatabaseWrapper):
    _pooled = False

    @property
    def pool(self) -> Any:
        if not self._pooled:
            return None
        options = self.settings_dict["OPTIONS"].get("pool")
        if options:
            options.setdefault("connection_class", PatientConnection)
        return super().pool

    def pool_stats(self) -> dict[str, int]:
        """The pool's counts by psycopg_pool's names; its limit also before its first use."""
        pools: dict[str, Any] = base.DatabaseWrapper._connection_pools  # type: ignore[attr-defined]
        options = self.settings_dict["OPTIONS"].get("pool") or {}
        found = {"pool_max": int(options.get("max_size", 0))}
        pool = pools.get(self.alias)
        return found if pool is None else found | pool.get_stats()

    def close_pool(self) -> None:
        pools: dict[str, Any] = base.DatabaseWrapper._connection_pools  # type: ignore[attr-defined]
        pool = pools.pop(self.alias, None)
        if pool is not None:
            pool.close()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        work = waiting.current()
        self._pooled = work is not None
        if work is not None and not waiting.breaker.may_try():
            raise errors.OperationalError("the database did not answer just now")
        since = time.monotonic()
        try:
            connection = super().get_new_connection(conn_params)
        except errors.OperationalError:
            # A pool whose connections are all in use is no sign: others get their answers.
            waiting.breaker.failed(since)
            raise
        waiting.breaker.answered()
        return connection
