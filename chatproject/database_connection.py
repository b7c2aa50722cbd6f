"""Django's options of the connection to the database, for each kind of it."""

from __future__ import annotations

import os
import socket
from typing import Any

from chat.database.waiting import CONNECTION_SECONDS

BESIDE_THE_POOL = 6
"""Connections beside those of requests and sockets: one of the lease, two of generation, two of the
worker, and one that listens."""


def connection(database: dict[str, Any], *, synchronous: str, connections: int) -> dict[str, Any]:
    """Entries that complete a database of `read_database_url`.

    The engines are Django's own, which give up in time where a person waits (see
    `chat/database/waiting.py`). `synchronous` is for SQLite, the number of `connections` for
    Postgres.
    """
    if database["ENGINE"].endswith("sqlite3"):
        return {"ENGINE": "chatproject.backends.sqlite3", "OPTIONS": sqlite_options(synchronous)}
    return {
        "ENGINE": "chatproject.backends.postgresql",
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": postgres_options(database.get("OPTIONS", {}), connections),
    }


def sqlite_options(synchronous: str) -> dict[str, Any]:
    """Options for SQLite; with `synchronous` `full`, each commit is on the disk."""
    return {
        # Deferred transactions that read before they write fail with "database is locked" under
        # concurrent writers (135 of 240 with Django's defaults, none with these).
        "transaction_mode": "IMMEDIATE",
        "timeout": 5,
        # What is deleted is overwritten, and no longer in the file.
        "init_command": f"PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous};"
        " PRAGMA secure_delete=ON;",
    }


def postgres_options(given: dict[str, Any], connections: int) -> dict[str, Any]:
    """Options for Postgres; those `given` in the address replace ours, but for the pool."""
    return {
        # Its name in pg_stat_activity; and a network that goes silent is an error within seconds.
        "application_name": f"parley {socket.gethostname()[:30]}:{os.getpid()}",
        "connect_timeout": 5,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "tcp_user_timeout": 15000,
        **given,
        "pool": {
            "min_size": 1,
            "max_size": max(1, connections - BESIDE_THE_POOL),
            "timeout": CONNECTION_SECONDS,
            "reconnect_timeout": CONNECTION_SECONDS,
        },
    }
