"""One server per SQLite file: an exclusive lock beside it, held for the server's life."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import IO

from chat.database.sqlite_file import Unusable

POLL_SECONDS = 0.1


class InUse(Exception):
    """Another server holds the database."""


def hold(database: Path, patience: float) -> IO[str]:
    """Lock `<database>.lock`, waiting up to `patience` seconds for the one before to end.

    The lock ends with the returned file, and so with the process however it dies. Raises `InUse`,
    naming the other's pid, or `Unusable`.
    """
    path = database.with_name(database.name + ".lock")
    try:
        file = open(path, "a+", encoding="ascii")  # noqa: SIM115  kept open for life
    except OSError as problem:
        raise Unusable(
            f"Parley cannot write {path} ({problem.strerror}), the lock of its SQLite file: give "
            "this user the right to write there, or set DATABASE_URL to another file."
        ) from None
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                file.seek(0)
                pid = file.read().strip() or "unknown"
                file.close()
                raise InUse(
                    f"Another Parley (pid {pid}) serves {database}. One SQLite file has one "
                    "server: stop that one, or set DATABASE_URL to another file or to Postgres."
                ) from None
            time.sleep(POLL_SECONDS)
        else:
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            return file
