"""Locks that are not kept by a process that falls silent, and not waited for without an end."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Func, TextField, Value


def limits() -> dict[str, Func]:
    """What a statement that locks rows selects besides, so that the locks end in any case.

    A process that is stopped in the middle of a transaction (its machine sleeps, its network is
    gone) would keep its locks for as long as Postgres believes in it, and with them all who
    wait. After half a lease without a word its transaction is ended instead, and whoever has
    waited for a lease gives up and tries again later. Both hold for this transaction only, cost
    no statement, and pass through any pooler. Postgres evaluates them before it locks.
    """
    if settings.SQLITE:
        return {}
    lease = max(int(settings.LEASE_SECONDS * 1000), 2)
    return {
        "idle_limit": _set("idle_in_transaction_session_timeout", lease // 2),
        "wait_limit": _set("lock_timeout", lease),
    }


def _set(name: str, milliseconds: int) -> Func:
    values = Value(name), Value(str(milliseconds)), Value(True)
    return Func(*values, function="set_config", output_field=TextField())
