"""Locks that are not kept by a process that falls silent, and not waited for without an end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import OperationalError, connection
from django.db.models import Func, TextField, Value

LOCK_SECONDS = 1.0
PAUSE_SECONDS = 2.0
"""For so long after a wait in vain nobody waits for the same user's lock again."""


def limits() -> dict[str, Func]:
    """Columns that a locking statement selects besides, so that its locks end in any case.

    A process that is stopped in the middle of a transaction (its machine sleeps, its network is
    gone) would keep its locks for as long as Postgres believes in it, and block all others.
    After half a lease without a word its transaction is ended instead, and a wait for
    a lock gives up after a second, to be tried again later: people wait for it, and a thread.
    Both hold for this transaction only, cost no statement, and pass through any pooler.
    Postgres evaluates them before it locks.
    """
    if settings.SQLITE:
        return {}
    (idle, idle_limit), (wait, wait_limit) = _limits()
    return {"idle_limit": _set(idle, idle_limit), "wait_limit": _set(wait, wait_limit)}


def _limits() -> list[tuple[str, int]]:
    """Names of Postgres' settings, and milliseconds."""
    lease = max(int(settings.LEASE_SECONDS * 1000), 2)
    return [
        ("idle_in_transaction_session_timeout", lease // 2),
        ("lock_timeout", min(int(LOCK_SECONDS * 1000), lease)),
    ]


def limits_sql() -> str:
    """The same for a statement that is written out: `, …` behind its columns, or nothing."""
    if settings.SQLITE:
        return ""
    return "".join(f", set_config('{name}', '{limit}', true)" for name, limit in _limits())


def was_waited_for(problem: BaseException) -> bool:
    """True if this error says that somebody else kept a lock for too long."""
    return getattr(problem.__cause__, "sqlstate", None) == "55P03"


waited_for_in_vain: dict[int, float] = {}
"""By user: when somebody last waited for their lock in vain."""


@contextmanager
def waiting_for(user_id: int) -> Iterator[None]:
    """Take this user's lock in the block; just after a wait in vain, fail at once.

    Else each of them would keep a thread and a connection for a second, and together all.
    """
    if time.monotonic() - waited_for_in_vain.get(user_id, float("-inf")) < PAUSE_SECONDS:
        raise OperationalError("this user's rows are locked by somebody else")
    try:
        yield
    except OperationalError as problem:
        if was_waited_for(problem):
            waited_for_in_vain[user_id] = time.monotonic()
        raise
    waited_for_in_vain.pop(user_id, None)


def _set(name: str, milliseconds: int) -> Func:
    values = Value(name), Value(str(milliseconds)), Value(True)
    return Func(*values, function="set_config", output_field=TextField())


def lock_running(owner: int, replies: list[int]) -> list[tuple[int, int, bool]]:
    """Lock those of these replies that this process produces: key, attempt and stop mark."""
    if not replies:
        return []
    marks = ", ".join(["%s"] * len(replies))
    lock = "" if settings.SQLITE else " FOR NO KEY UPDATE"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, attempt, stop_requested{limits_sql()} FROM chat_message"  # noqa: S608
            f" WHERE id IN ({marks}) AND status = 'running' AND owner_id = %s ORDER BY id{lock}",
            [*replies, owner],
        )
        return [(pk, attempt, bool(stop)) for pk, attempt, stop, *_ in cursor.fetchall()]
